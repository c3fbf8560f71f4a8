"""Which nights would come out otherwise if they were scored again today, and why; it only reads.

A night comes out as it is if version, input, model.yaml, code and packages are those that made it: who scores it again
finds its shards (docs/publishing.md).
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset, Pin
from nightshift.errors import DataError, ModelError, UnreadableRecord
from nightshift.progress import OnProgress, counted, unheard
from nightshift.releases.nights import NightCount, counted_nights
from nightshift.scoring.shards import SCORED_BY, scored_by
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.canaries import canary_in
from nightshift.stores.manifest import Manifest

READERS = 16
VERSION = "another version stands on them"
CANARY = "another share of their rows is a canary's, or none any more"
INPUT = "their rows were made anew"
NOT_SAID = "they do not say by what they were scored"
LEARNT = "the version that stands on them has learnt from them"
UNREADABLE = "their manifests cannot be read"
NO_INPUT = "there are no validated rows of them"


@dataclass(frozen=True)
class ScoredNights:
    """What is published, and what would become of it if somebody scored it again.

    Of those that would be ``scored_again`` a night may have several reasons (``because``). ``kept`` are those that
    would be otherwise and cannot be made anew, by the reason. ``waiting`` are validated, not scored, and may be.
    """

    scored_again: NightCount
    because: dict[str, NightCount]
    as_they_are: NightCount
    kept: dict[str, NightCount]
    waiting: NightCount


@dataclass(frozen=True)
class ComparedNight:
    """Of one night: ``reasons`` why it would be otherwise, and what keeps it from being made anew."""

    night: str
    rows: int
    reasons: list[str] = field(default_factory=list)
    kept: str = ""


class Today:
    """Who scores which night by what the ledger says now, and by which spec, code and packages."""

    def __init__(self, spec: ModelSpec, stores: Stores, unlike: Callable[[Pin], str]) -> None:
        """``unlike`` says what keeps a version from scoring a night of the spec; empty where nothing does."""
        self._spec = spec
        self._stores = stores
        self._unlike = unlike
        self._now, _ = stores.aliases.champion(spec.name)
        self._head = stores.aliases.ledger(spec.name).head()
        self._nights = stores.aliases.nights(spec.name, self._head)
        self._canary = canary_in(self._head, spec.name, stores) if spec.canary else None
        self._pins = {self._now.version: self._now}
        self._refusals: dict[str, str] = {}
        self._made_by: dict[str, dict[str, str]] = {}

    def pin(self, night: str) -> Pin:
        """The version that should stand on a night. Raises ``ModelError`` for one that may not score."""
        version = self._head.standing(night, self._nights) or self._now.version
        if version not in self._pins:
            pin = self._stores.versions.pin(self._spec.name, version)
            self._pins[version] = pin
        return self._pins[version]

    def canary(self, night: str, pin: Pin) -> int | None:
        """The number of the ledger's entry whose canary would score a share of the night, beside a version."""
        canary = self._canary
        if canary is None or pin.version != canary.champion:
            return None
        if night <= pin.trained_through:
            return None
        return canary.number if canary.has(night) else None

    def refusal(self, night: str, pin: Pin) -> str:
        """What keeps a version from scoring a night; empty where nothing does."""
        may_have_learnt = self._spec.predict.allow_future_model
        if night <= pin.trained_through and not may_have_learnt:
            return LEARNT
        if pin.version not in self._refusals:
            refusal = self._unlike(pin)
            self._refusals[pin.version] = refusal
        return self._refusals[pin.version]

    def scored_by(self, pin: Pin) -> dict[str, str]:
        """What scores beside the version itself, whose threshold it may be."""
        if pin.version not in self._made_by:
            spec = self._with_threshold(pin)
            self._made_by[pin.version] = scored_by(spec)
        return self._made_by[pin.version]

    def _with_threshold(self, pin: Pin) -> ModelSpec:
        rule = self._spec.predict.learnt_by
        if not rule:
            return self._spec
        threshold = self._stores.versions.threshold(pin, rule)
        return self._spec.with_threshold(threshold)


@dataclass(frozen=True)
class _Standing:
    """The commits of a night, None for one that is not there or cannot be read."""

    night: str
    predictions: Manifest | None
    validated: Manifest | None


def scored_nights(spec: ModelSpec, today: Today, stores: Stores, progress: OnProgress = unheard) -> ScoredNights:
    """Hold every published night against what would score it today. Raises ``UsageError`` for another column."""
    column = spec.partition.column
    published = set(stores.lake.partitions(Dataset.PREDICTIONS, spec.name, column))
    taken_back = stores.lake.retracted(Dataset.PREDICTIONS, spec.name, column)
    validated = stores.lake.partitions(Dataset.VALIDATED, spec.name, column)
    nights = published.union(validated)
    nights.difference_update(taken_back)
    verdicts = []
    waiting = []
    for standing in _read(spec, sorted(nights), stores, progress):
        if standing.night in published:
            verdicts.append(_verdict(standing, today))
        else:
            waiting.append(_waiting(standing, today))
    may_change = _free(verdicts)
    changed = [verdict for verdict in may_change if verdict.reasons]
    unchanged = [verdict for verdict in may_change if not verdict.reasons]
    return ScoredNights(
        scored_again=_counted(changed),
        because=_by_reason(changed),
        as_they_are=_counted(unchanged),
        kept=_by_refusal(verdicts),
        waiting=_counted(_free(waiting)),
    )


def _free(verdicts: Sequence[ComparedNight]) -> list[ComparedNight]:
    """Those that nothing keeps from being made."""
    free = []
    for verdict in verdicts:
        if not verdict.kept:
            free.append(verdict)
    return free


def _read(spec: ModelSpec, nights: Sequence[str], stores: Stores, progress: OnProgress) -> Iterator[_Standing]:
    """The commits of each night, in their order."""

    def read(night: str) -> _Standing:
        predictions = stores.lake.readable(spec.key(Dataset.PREDICTIONS, night))
        validated = stores.lake.readable(spec.key(Dataset.VALIDATED, night))
        return _Standing(
            night,
            predictions,
            validated,
        )

    standings = ordered_map(read, nights, READERS, 2 * READERS)
    for _, standing in zip(counted(nights, "looking at nights", progress), standings, strict=True):
        yield standing


def _verdict(standing: _Standing, today: Today) -> ComparedNight:
    night = standing.night
    predictions = standing.predictions
    if predictions is None:
        return ComparedNight(night, 0, kept=UNREADABLE)
    rows = predictions.rows
    if standing.validated is None:
        return ComparedNight(night, rows, kept=NO_INPUT)
    try:
        pin = today.pin(night)
        reasons = _reasons(predictions, standing.validated, pin, today)
    except (DataError, ModelError, UnreadableRecord) as error:
        return ComparedNight(night, rows, kept=error.message)
    # Of one that comes out as it is nobody has to ask whether it may.
    kept = today.refusal(night, pin) if reasons else ""
    return ComparedNight(night, rows, reasons, kept)


def _reasons(predictions: Manifest, validated: Manifest, pin: Pin, today: Today) -> list[str]:
    """Why a night would be otherwise; none for one that would be as it is. Raises ``DataError``, ``ModelError``."""
    reasons = []
    if predictions.pin != pin:
        reasons.append(VERSION)
    canary = predictions.canary_pin
    if (canary.number if canary else None) != today.canary(predictions.partition, pin):
        reasons.append(CANARY)
    if predictions.provenance.get("input") != validated.digest:
        reasons.append(INPUT)
    now = today.scored_by(pin)
    then = predictions.provenance.get(SCORED_BY)
    if not isinstance(then, dict):
        # One of an earlier version of Nightshift, which was of other code.
        return [*reasons, NOT_SAID]
    changed = [name for name in now if then.get(name) != now[name]]
    return [*reasons, *changed]


def _waiting(standing: _Standing, today: Today) -> ComparedNight:
    validated = standing.validated
    if validated is None:
        return ComparedNight(standing.night, 0, kept=UNREADABLE)
    try:
        pin = today.pin(standing.night)
        kept = today.refusal(standing.night, pin)
    except (ModelError, UnreadableRecord) as error:
        kept = error.message
    return ComparedNight(standing.night, validated.rows, kept=kept)


def _counted(verdicts: Sequence[ComparedNight]) -> NightCount:
    rows = {}
    for verdict in verdicts:
        rows[verdict.night] = verdict.rows
    return counted_nights(rows)


def _by_reason(verdicts: Sequence[ComparedNight]) -> dict[str, NightCount]:
    """The nights of each reason; one with several is in each."""
    by_reason: defaultdict[str, list[ComparedNight]] = defaultdict(list)
    for verdict in verdicts:
        for reason in verdict.reasons:
            by_reason[reason].append(verdict)
    return _each_counted(by_reason)


def _by_refusal(verdicts: Sequence[ComparedNight]) -> dict[str, NightCount]:
    by_refusal: defaultdict[str, list[ComparedNight]] = defaultdict(list)
    for verdict in verdicts:
        if verdict.kept:
            by_refusal[verdict.kept].append(verdict)
    return _each_counted(by_refusal)


def _each_counted(verdicts: Mapping[str, Sequence[ComparedNight]]) -> dict[str, NightCount]:
    counts = {}
    for why, of_nights in verdicts.items():
        counts[why] = _counted(of_nights)
    return counts
