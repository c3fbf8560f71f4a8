"""What a worker pays once, whoever starts it: imports, ONNX Runtime, the client of the store, the graph."""

from dataclasses import dataclass

from nightshift.contracts import Pin
from nightshift.scoring.graph import fetch
from nightshift.settings import settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


@dataclass(frozen=True)
class Start:
    """Which graph."""

    spec: ModelSpec
    pin: Pin


def get_ready(start: Start, stores: Stores) -> None:
    """Pay it in this process."""
    fetch(start.spec, start.pin.key, start.pin.sha256, stores)


def started_there(start: Start) -> int:
    """The same on a worker of an engine; what comes back says nothing."""
    get_ready(start, Stores(settings()))
    return 0
