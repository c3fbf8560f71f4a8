"""Nightshift: batch machine learning that runs while people sleep."""

__version__ = "0.1.0"
