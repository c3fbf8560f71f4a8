"""The name of a request in its answer and in the log."""

import os
import re

REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
ID_BYTES = 16


def request_id_of(given: bytes) -> str:
    """The caller's own, where it is one that a log may show."""
    return given.decode() if REQUEST_ID.fullmatch(given) else os.urandom(ID_BYTES).hex()
