"""Nightshift: batch machine learning that runs while people sleep."""

import logging

from nightshift.errors import PlainLines

__version__ = "0.1.0"

# All that the package logs goes through this one logger.
logging.getLogger("nightshift").addFilter(PlainLines())
