"""What every target answers for itself."""

from pathlib import Path
from typing import Protocol

from nightshift.export.exported import Export
from nightshift.export.record import GraphKind

ANY_GRAPH: frozenset[GraphKind] = frozenset({"trees", "linear", "network"})
NETWORKS: frozenset[GraphKind] = frozenset({"network"})
"""A target of these alone knows no texts: it is given the graph that takes numbers and codes."""


class Target(Protocol):
    """Another's server or runtime, by the artefact that it loads."""

    @property
    def name(self) -> str:
        """What ``--to`` calls it."""

    @property
    def takes(self) -> frozenset[GraphKind]:
        """The kinds of graphs that it can load."""

    def write(self, export: Export, folder: Path) -> str:
        """Write the artefact into an empty folder; the address in there of what holds the graph.

        Raises ``UsageError`` where something is missing that only a person can say.
        """
