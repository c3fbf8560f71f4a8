"""Alerts: what people are told, once per cause and once when it is over, and the channels that they are told by."""
