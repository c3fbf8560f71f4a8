"""Nightshift: batch machine learning that runs while people sleep."""

import logging
import os

from nightshift.errors import PlainLines

__version__ = "0.1.0"

# From 1.29 on ONNX Runtime tells its maker of every session: names and digests of graphs, and of what made them. It
# looks at this when it is imported, wherever that is; what is scored here is nobody's but who scores it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# All that the package logs goes through this one logger.
logging.getLogger("nightshift").addFilter(PlainLines())
