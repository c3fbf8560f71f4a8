"""A model's reference: its features and scores, counted in bins."""
