"""A request and its answer, as routes see them."""

from dataclasses import dataclass, field

from starlette.types import Receive

from nightshift.serving.version import ServedVersion

JSON = "application/json"
OTHER = "other"
"""The route of what no route takes: labels of figures are bounded."""


@dataclass
class Reply:
    """What goes back. ``version`` made it, where one did, and ``rows`` are those that it scored."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    version: ServedVersion | None = None
    rows: int = 0
    retry_after: int | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass
class Exchange:
    """A request under way: ``path`` has what its address names, ``route`` what figures call it.

    ``peer`` is the address that it came from, and ``caller`` who it is of, where anybody is asked.
    """

    receive: Receive
    headers: dict[bytes, bytes]
    request_id: str
    route: str = OTHER
    path: dict[str, str] = field(default_factory=dict)
    peer: str = ""
    caller: str = ""
