"""What the lake says of models and their nights, as the pages show it. Reads only; MLflow is not asked.

A page of a model makes at most ``MOST_REQUESTS`` to the lake, however many nights there are.
"""

from dataclasses import dataclass

from nightshift.contracts import Dataset
from nightshift.errors import UnreadableRecord, UsageError
from nightshift.monitoring.age import old_champion
from nightshift.orchestration.web.night_facts import (
    AllowanceSpentError,
    NightFacts,
    Reader,
    cached_facts,
    keep_facts,
    read_facts,
)
from nightshift.orchestration.web.recent_nights import RecentNights, recent_nights, year_of
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CHAMPION

MOST_REQUESTS = 20
LEDGER_REQUESTS = 3
AGE_REQUESTS = 3


@dataclass(frozen=True)
class NightRow:
    """One line of a model's table. ``verdict`` is empty until the night was monitored; ``quarantined`` are rows.

    One that is not ``is_read`` is there, and what is in it is known the next time.
    """

    partition: str
    state: str
    rows: int | None = None
    version: str = ""
    verdict: str = ""
    quarantined: int = 0
    is_read: bool = True


@dataclass(frozen=True)
class Overview:
    """A model with some of its nights, newest first; ``earlier`` continues the list.

    ``unsealed`` says why the champion is not known, and ``old`` that it is older than model.yaml wants it.
    """

    spec: ModelSpec
    nights: list[NightRow]
    champion: str = ""
    unsealed: str = ""
    old: str = ""
    earlier: str = ""


def overview(spec: ModelSpec, stores: Stores, before: str = "") -> Overview:
    """A model and its newest nights, or those before one. Raises ``LakeUnavailable``."""
    objects = stores.lake.objects
    recent = recent_nights(spec, objects, before)
    facts = _facts(spec, stores, recent)
    nights = [_row(recent, night, facts.get(night)) for night in recent.nights]
    named = _champion(spec, stores)
    newest = "" if before or not recent.nights else recent.nights[0]
    return Overview(
        spec=spec,
        nights=nights,
        **named,
        old=_old(spec, named.get("champion", ""), newest, stores),
        earlier=recent.earlier,
    )


def one_night(spec: ModelSpec, partition: str, stores: Stores) -> Overview:
    """A model and a single night of it. Raises ``LakeUnavailable``."""
    objects = stores.lake.objects
    anything = {partition: "not listed"}
    recent = RecentNights([partition], predictions=anything, validated=anything, drift=anything)
    reader = Reader(objects, spec, MOST_REQUESTS)
    facts = read_facts(reader, recent, partition)
    if facts is None:
        report = layout.data_docs(spec.key(Dataset.VALIDATED, partition))
        state = "refused" if objects.head(report) else "not here"
        night = NightRow(partition, state)
    else:
        night = _of_facts(partition, facts)
    return Overview(
        spec=spec,
        nights=[night],
        **_champion(spec, stores),
    )


def champion(spec: ModelSpec, stores: Stores) -> str:
    """The version that the ledger's last move made champion; empty when there was none."""
    return stores.aliases.version(spec.name, CHAMPION) or ""


def _champion(spec: ModelSpec, stores: Stores) -> dict[str, str]:
    """The champion, or why nobody can say: one model must not cost the page of all others."""
    try:
        return {"champion": champion(spec, stores)}
    except (UnreadableRecord, UsageError) as error:
        return {"unsealed": str(error)}


def _old(spec: ModelSpec, version: str, night: str, stores: Stores) -> str:
    """What is to be said of the champion's age on the newest night; nothing is read where nobody wants to know."""
    if not (spec.training.max_age_days and version and night):
        return ""
    try:
        record = stores.versions.record(spec.name, version)
    except UnreadableRecord:
        return ""
    if record is None:
        return ""
    return old_champion(spec, version, record.trained_through, night) or ""


def _facts(spec: ModelSpec, stores: Stores, recent: RecentNights) -> dict[str, NightFacts]:
    """Facts of the nights shown: those that are cached and true, and what the requests that are left can read."""
    to_write = len(recent.years)
    of_champion = LEDGER_REQUESTS + (AGE_REQUESTS if spec.training.max_age_days else 0)
    allowance = MOST_REQUESTS - of_champion - recent.requests - to_write
    reader = Reader(stores.lake.objects, spec, allowance)
    known = cached_facts(reader, recent)
    true = {night: known[night] for night in recent.nights if _is_true(known.get(night), recent, night)}
    final = {night for night, facts in true.items() if facts.is_final}
    # What could not be read is tried again when all else is read, lest it takes every request of every load.
    unread = [night for night in recent.nights if night not in true]
    unreadable = [night for night in true if night not in final]
    anew = _read_anew(reader, recent, unread + unreadable)
    changed = {night: facts for night, facts in anew.items() if facts != true.get(night)}
    if changed:
        keep_facts(reader, known | changed, set(map(year_of, changed)))
    return true | anew


def _is_true(facts: NightFacts | None, recent: RecentNights, night: str) -> bool:
    return facts is not None and facts.made_from == recent.made_from(night)


def _read_anew(reader: Reader, recent: RecentNights, nights: list[str]) -> dict[str, NightFacts]:
    """One after the other, as far as the allowance reaches."""
    anew: dict[str, NightFacts] = {}
    for night in nights:
        try:
            facts = read_facts(reader, recent, night)
        except AllowanceSpentError:
            return anew
        if facts:
            anew[night] = facts
    return anew


def _row(recent: RecentNights, night: str, facts: NightFacts | None) -> NightRow:
    if facts:
        return _of_facts(night, facts)
    is_committed = night in recent.predictions or night in recent.validated
    if not is_committed:
        return NightRow(night, "refused")
    if night in recent.marked:
        return NightRow(night, "not read yet", is_read=False)
    state = "published" if night in recent.predictions else "validated"
    return NightRow(night, state, is_read=False)


def _of_facts(night: str, facts: NightFacts) -> NightRow:
    return NightRow(
        night,
        facts.state,
        rows=facts.rows,
        version=facts.version,
        verdict=facts.verdict,
        quarantined=facts.quarantined,
    )
