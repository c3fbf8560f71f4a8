"""Who stands: the champion and the challenger in its shadow, by the sealed ledgers, and what retrains were started."""

from collections.abc import Iterator
from dataclasses import dataclass

from nightshift.figures.kept import LEDGER_REQUESTS, LookMemory
from nightshift.monitoring.retrains import started_retrains
from nightshift.monitoring.shadow.record import ShadowNight
from nightshift.monitoring.shadow.verdict import ShadowEvidence
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasHead
from nightshift.stores.registry import CHAMPION, SHADOW
from nightshift.stores.shadows import StandingShadow, standing_shadow

SHADOW_REQUESTS = 3 * LEDGER_REQUESTS


@dataclass(frozen=True)
class StandingChampion:
    """The version that scores. What only its sealed record says is empty for a version without one."""

    version: str
    sha256: str = ""
    trained_through: str = ""


@dataclass(frozen=True)
class RetrainCounts:
    """Retrains of a night's month, and challengers in a row that did not take over from the champion."""

    of_month: int
    rejected: int


class WhoStands:
    """What the ledgers of a model say; each is asked once a look."""

    def __init__(self, spec: ModelSpec, stores: Stores, kept: LookMemory) -> None:
        self._spec = spec
        self._stores = stores
        self._kept = kept
        self._head: AliasHead | None = None

    def champion(self) -> StandingChampion | None:
        """Who scores now, or None. Raises ``UnreadableRecord``, ``UsageError`` without a key of the seals."""
        version = self._aliases().version(CHAMPION)
        if version is None:
            return None
        return self._kept.once(
            f"version {version}",
            lambda: self._standing(version),
            requests=LEDGER_REQUESTS,
        )

    def retrains(self, night: str, version: str) -> RetrainCounts:
        """As of a night, about a version."""
        self._kept.spend(LEDGER_REQUESTS)
        head = started_retrains(self._spec.name, self._stores).head()
        return RetrainCounts(len(head.of_month(night)), head.rejected(version))

    def shadow(self) -> ShadowEvidence | None:
        """What the labelled nights say of the challenger in shadow, as far as they are measured; None without one."""
        head = self._aliases()
        rule = self._spec.shadow
        if rule is None or head.version(SHADOW) is None or head.version(CHAMPION) is None:
            return None
        standing = self._kept.once(
            f"shadow {head.last[SHADOW].number}",
            lambda: standing_shadow(self._spec.name, self._stores),
            requests=SHADOW_REQUESTS,
        )
        if standing is None:
            return None
        return ShadowEvidence(rule, standing, tuple(self._in_shadow(standing)))

    def _aliases(self) -> AliasHead:
        if self._head is None:
            self._kept.spend(LEDGER_REQUESTS)
            ledger = self._stores.aliases.ledger(self._spec.name)
            self._head = ledger.head()
        return self._head

    def _standing(self, version: str) -> StandingChampion:
        versions = self._stores.versions
        record = versions.record(self._spec.name, version)
        if record is None:
            return StandingChampion(version)
        return StandingChampion(version, record.onnx_sha256, record.trained_through)

    def _in_shadow(self, standing: StandingShadow) -> Iterator[ShadowNight]:
        prefix = layout.folder(layout.shadow_night(self._spec.name, "any"))
        begin = f"{prefix}{standing.since}" if standing.since else ""
        for stored in self._kept.listed(prefix, after=begin):
            night = layout.night_of_record(stored.key)
            if stored.key.endswith(".json") and standing.has(night):
                record = self._kept.read(stored, ShadowNight, _same)
                if record and record.labelled and _is_of(record, standing):
                    yield record


def _same(record: ShadowNight) -> ShadowNight:
    return record


def _is_of(record: ShadowNight, standing: StandingShadow) -> bool:
    return (record.version, record.champion) == (standing.version, standing.champion)
