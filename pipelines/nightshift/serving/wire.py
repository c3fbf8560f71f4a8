"""How requests and answers lie in the bytes of a door, for what goes on beside the answers.

What is read out of them is as REST's JSON has it, so that nobody behind has to know which door a request came by.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.refusal import Refusal
from nightshift.serving.version import ServedVersion

UNREADABLE = (AttributeError, IndexError, KeyError, TypeError, orjson.JSONDecodeError, Refusal)
"""What reading a body raises that is no request, or no answer."""


class WireBody(NamedTuple):
    """Bytes as they went over the wire, and what reads them, when somebody has the time for it."""

    raw: bytes
    reader: Callable[[bytes], Any]

    def read(self) -> Any:
        """As REST's JSON has it. Raises as the reader does, for bytes that were read by nobody yet."""
        return self.reader(self.raw)


@dataclass(frozen=True)
class Wire:
    """One door's: ``asked`` and ``answered`` read nothing. ``show`` says an answer in the form that a request wants.

    ``show`` takes the request, the answer to it, who gave it and how many rows were scored. It raises ``Refusal``.
    """

    asked: Callable[[Exchange, bytes], WireBody]
    answered: Callable[[Reply], WireBody]
    show: Callable[[Any, dict[str, Any], ServedVersion, int], Reply]
