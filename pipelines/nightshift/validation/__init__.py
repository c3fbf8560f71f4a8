"""What is expected of a night, checked row by row and as a whole."""
