"""Pages of models: an index of all, and of each its nights, alarms and story. They are served, or files."""
