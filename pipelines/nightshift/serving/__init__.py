"""The champion by day: requests over HTTP, answered with the bits of the night."""
