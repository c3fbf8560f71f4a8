"""What the lake says of models and their nights, as the pages show it. Reads only; MLflow is not asked."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from nightshift.contracts import Dataset
from nightshift.monitoring.night_record import read_night_record
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.ledger import Ledger
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
    keys = sorted(lists.scored | lists.validated | lists.checked, reverse=True)
    keys = [key for key in keys if not before or key < before]
    shown, more = keys[:PER_PAGE], keys[PER_PAGE:]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        nights = list(pool.map(lambda key: _night(spec, key, lists, stores), shown))
    return Overview(spec, nights, champion(spec, stores), len(lists.scored), shown[-1] if more else "")


def one_night(spec: ModelSpec, partition: str, stores: Stores) -> Overview:
    """A model and a single night of it. Raises ``LakeUnavailable``."""
    return Overview(spec, [_night(spec, partition, _lists(spec, stores), stores)], champion(spec, stores))


def champion(spec: ModelSpec, stores: Stores) -> str:
    """The version that the ledger's last move made champion; empty when there was none."""
    moves = [move for move in Ledger(stores.lake.objects).moves(spec.name) if move.alias == CHAMPION]
    return moves[-1].after or "" if moves else ""


def _lists(spec: ModelSpec, stores: Stores) -> _Lists:
    lake = stores.lake
    # A refused night is in no dataset, but its Data Docs are there: that is the night to look at.
    reports = lake.objects.keys(layout.validations(spec.name))
    checked = (layout.night_in(key, Dataset.VALIDATED, spec.name) for key in reports)
    return _Lists(
        scored=set(lake.partitions(Dataset.PREDICTIONS, spec.name)),
        validated=set(lake.partitions(Dataset.VALIDATED, spec.name)),
        checked={night.partition for night in checked if night and night.column == spec.partition.column},
        quarantined=set(lake.partitions(Dataset.QUARANTINE, spec.name)),
    )


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
    return stores.lake.require(spec.key(Dataset.QUARANTINE, partition)).rows
