"""What is drawn of a holdout, by kind of label; without a display."""
