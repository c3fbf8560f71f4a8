"""What is fast, measured side by side in one run, against what people would use instead."""
