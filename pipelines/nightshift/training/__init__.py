"""Fits: trainers, networks, calibration, the recipe that a gate judges, and the search for one."""
