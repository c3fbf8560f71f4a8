"""What an engine is to Nightshift: one function."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from nightshift.concurrency import CORES

Item = TypeVar("Item")
Result = TypeVar("Result")
TRIES = 4
"""Of a call whose worker dies."""
ONE_CORE = {CORES: "1"}
"""Of a worker: an engine runs one call on a core, and each call takes as many threads as it is told."""


class Launcher(Protocol):
    """Runs calls on workers."""

    def run(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """What ``work`` gives for each item, in their order; each is called once or more, again where a worker dies.

        ``work`` is a function of a module that workers have; there is at least one item. Raises ``UsageError`` where
        the engine is not installed, ``EngineUnavailable`` where it gives up.
        """
