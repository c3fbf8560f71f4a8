"""How large charts of the report are."""

CHART = (300.0, 96.0)
"""Width and height."""
