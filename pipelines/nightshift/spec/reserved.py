"""Names of columns that Nightshift adds to those of the data."""

RESERVED = ["model_version", "run_id", "reasons", "offending"]
"""Columns that predictions and quarantined rows have besides the spec's."""
MONITORED = (
    "feature",
    "distance",
    "alarm_distance",
    "statistic",
    "threshold",
    "ratio",
    "drifted",
    "calibrated",
    "null_share",
    "reference_null_share",
    "rows",
    "model_version",
)
"""Columns of monitoring/, which lies under the partition column and has none of the spec's."""
