"""What the lake says of models and their nights, as the pages show it. Reads only; MLflow is not asked."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from nightshift.contracts import Dataset
from nightshift.monitoring.night_record import read_night_record
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CHAMPION

AT_ONCE = 8
PER_PAGE = 31


@dataclass(frozen=True)
class NightRow:
    """One line of a model's table. ``verdict`` is empty until the night was monitored; ``quarantined`` are rows."""

    partition: str
    state: str
    rows: int | None = None
    version: str = ""
    verdict: str = ""
    quarantined: int = 0


@dataclass(frozen=True)
class Overview:
    """A model with some of its nights, newest first; ``earlier`` continues the list."""

    spec: ModelSpec
    nights: list[NightRow]
    champion: str = ""
    scored: int = 0
    earlier: str = ""


@dataclass(frozen=True)
class _Lists:
    scored: set[str] = field(default_factory=set)
    validated: set[str] = field(default_factory=set)
    checked: set[str] = field(default_factory=set)
    quarantined: set[str] = field(default_factory=set)


def overview(spec: ModelSpec, stores: Stores, before: str = "") -> Overview:
    """A model and its newest nights, or those before one. Raises ``LakeUnavailable``."""
    lists = _lists(spec, stores)
    nights = _newest_first(lists, before)
    on_page = nights[:PER_PAGE]
    has_earlier = len(nights) > PER_PAGE
    with ThreadPoolExecutor(AT_ONCE) as pool:
        rows = list(pool.map(lambda night: _night(spec, night, lists, stores), on_page))
    return Overview(
        spec=spec,
        nights=rows,
        champion=champion(spec, stores),
        scored=len(lists.scored),
        earlier=on_page[-1] if has_earlier else "",
    )


def _newest_first(lists: _Lists, before: str) -> list[str]:
    """All nights, or those before one."""
    nights = lists.scored | lists.validated | lists.checked
    if before:
        nights = {night for night in nights if night < before}
    return sorted(nights, reverse=True)


def one_night(spec: ModelSpec, partition: str, stores: Stores) -> Overview:
    """A model and a single night of it. Raises ``LakeUnavailable``."""
    lists = _lists(spec, stores)
    night = _night(spec, partition, lists, stores)
    return Overview(
        spec=spec,
        nights=[night],
        champion=champion(spec, stores),
    )


def champion(spec: ModelSpec, stores: Stores) -> str:
    """The version that the ledger's last move made champion; empty when there was none."""
    return stores.aliases.version(spec.name, CHAMPION) or ""


def _lists(spec: ModelSpec, stores: Stores) -> _Lists:
    lake = stores.lake
    return _Lists(
        scored=set(lake.partitions(Dataset.PREDICTIONS, spec.name)),
        validated=set(lake.partitions(Dataset.VALIDATED, spec.name)),
        checked=_checked(spec, stores),
        quarantined=set(lake.partitions(Dataset.QUARANTINE, spec.name)),
    )


def _checked(spec: ModelSpec, stores: Stores) -> set[str]:
    # A refused night is in no dataset, but its Data Docs are there: that is the night to look at.
    checked = set()
    reports = layout.validations(spec.name)
    for key in stores.lake.objects.keys(reports):
        night = layout.night_in(key, Dataset.VALIDATED, spec.name)
        if night and night.column == spec.partition.column:
            checked.add(night.partition)
    return checked


def _night(spec: ModelSpec, partition: str, lists: _Lists, stores: Stores) -> NightRow:
    quarantined = _quarantined(spec, partition, lists, stores)
    if partition not in lists.scored:
        return NightRow(partition, _state(partition, lists), quarantined=quarantined)
    manifest = stores.lake.require(spec.key(Dataset.PREDICTIONS, partition))
    return NightRow(
        partition,
        "published",
        rows=manifest.rows,
        version=manifest.pin.version,
        verdict=_verdict(spec, partition, stores),
        quarantined=quarantined,
    )


def _state(partition: str, lists: _Lists) -> str:
    if partition in lists.validated:
        return "validated"
    return "refused" if partition in lists.checked else "not here"


def _verdict(spec: ModelSpec, partition: str, stores: Stores) -> str:
    record = read_night_record(spec, partition, stores)
    if record is None:
        return ""
    return "drift" if record.drift.drifted else "quiet"


def _quarantined(spec: ModelSpec, partition: str, lists: _Lists, stores: Stores) -> int:
    if partition not in lists.quarantined:
        return 0
    key = spec.key(Dataset.QUARANTINE, partition)
    return stores.lake.require(key).rows
