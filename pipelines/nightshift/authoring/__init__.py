"""From data to a first model.yaml: survey the files, count what is in the columns, decide, write."""
