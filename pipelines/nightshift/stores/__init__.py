"""What Nightshift keeps: the lake (S3), the registry (MLflow), the versions (DVC), the expectations (GX)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from nightshift.settings import Settings

if TYPE_CHECKING:
    from nightshift.stores.aliases import Aliases
    from nightshift.stores.lake import Lake
    from nightshift.stores.registry import Registry
    from nightshift.stores.snapshots import Snapshots
    from nightshift.stores.versions import Versions


@dataclass(frozen=True)
class Stores:
    """The stores of one step, opened when first used. ``origin`` says who runs it, for provenance.

    ``began`` is when the run began that it is a step of, however often it was tried since; None where nobody knows.
    """

    settings: Settings
    origin: dict[str, str] = field(default_factory=dict)
    began: dt.datetime | None = None

    @cached_property
    def lake(self) -> Lake:
        """Partitions, manifests and graphs in S3."""
        from nightshift.stores.lake import Lake

        return Lake(self.settings, self.began)

    @cached_property
    def registry(self) -> Registry:
        """Runs and versions in MLflow."""
        from nightshift.stores.registry import Registry

        return Registry(self.settings)

    @cached_property
    def aliases(self) -> Aliases:
        """Champions and challengers, by the ledger in S3; MLflow shows them."""
        from nightshift.stores.aliases import Aliases

        return Aliases(self)

    @cached_property
    def versions(self) -> Versions:
        """What each version is, and whether it may score, by sealed records in S3."""
        from nightshift.stores.versions import Versions

        return Versions(self)

    @cached_property
    def snapshots(self) -> Snapshots:
        """Snapshots in DVC."""
        from nightshift.stores.snapshots import Snapshots

        return Snapshots(self.settings)

    @property
    def seconds(self) -> float | None:
        """How long the run is under way, by the clock of who runs it; None where nobody knows since when."""
        if self.began is None:
            return None
        now = dt.datetime.now(dt.UTC)  # noqa: TID251 - told beside the night, and nothing of it is made of it
        return max((now - self.began).total_seconds(), 0.0)

    def provenance(self, **more: object) -> dict[str, object]:
        """What a manifest says of its making: who ran it, on which commit, and ``more``."""
        return {**self.origin, "commit": self.settings.commit, **more}
