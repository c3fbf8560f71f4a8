"""Figures of nights and models, computed from the lake and its ledgers: for Prometheus, and for CloudWatch."""
