"""What a caller is told of a request that failed, by whichever door it came: one sentence, and nothing of the code."""

import logging

from nightshift.errors import DataError, NightshiftError
from nightshift.serving.refusal import Refusal

log = logging.getLogger("nightshift.serving")
BAD_REQUEST = 400
INTERNAL = 500


def refusal_of(error: Exception, request_id: str) -> Refusal:
    """The status and the sentence; what is a fault of the server's is logged."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, DataError):
        return Refusal(BAD_REQUEST, error.message)
    if isinstance(error, NightshiftError):
        log.warning("a request failed: %s", error)
        return Refusal(INTERNAL, error.message)
    log.error("a request broke off", exc_info=error, extra={"request": request_id})
    return Refusal(INTERNAL, f"internal error; the log of the server has it as request {request_id}")
