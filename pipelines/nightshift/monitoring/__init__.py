"""A night against its model's profile: drift, accuracy, the report."""
