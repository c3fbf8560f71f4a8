"""What the lake says of a model and its nights, as the pages show it. Reads only; MLflow is not asked.

A page of a model makes at most ``MOST_REQUESTS`` to the lake, however many nights there are.
"""

from dataclasses import dataclass, field

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset
from nightshift.errors import UnreadableRecord, UsageError
from nightshift.monitoring.age import old_champion
from nightshift.pages.ledger_facts import LedgerFacts, LedgerReader
from nightshift.pages.night_facts import (
    AllowanceSpentError,
    NightFacts,
    Reader,
    cached_facts,
    keep_facts,
    read_facts,
)
from nightshift.pages.recent_nights import PER_PAGE, RecentNights, recent_nights, year_of
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CHAMPION

MOST_REQUESTS = 20
MOST_WHEN_NEW = 400
"""So many where somebody waits for a page of which little was read before: for about a hundred nights."""
WITHOUT_BOUND = 1_000_000
"""For who writes pages at leisure: maintenance, and files."""
OF_NIGHT = 4
"""The most that one night takes."""
TO_WRITE = 2
AGE_REQUESTS = 3
THREADS = 8


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
    canary: str = ""


@dataclass(frozen=True)
class Overview:
    """A model with some of its nights, newest first; ``earlier`` continues the list.

    ``unsealed`` says why the champion is not known, and ``old`` that it is older than model.yaml wants it. ``facts``
    are of the nights that were read, by night, and ``earlier_facts`` what a cache says of those before them.
    """

    spec: ModelSpec
    nights: list[NightRow]
    champion: str = ""
    unsealed: str = ""
    old: str = ""
    earlier: str = ""
    facts: dict[str, NightFacts] = field(default_factory=dict)
    earlier_facts: dict[str, NightFacts] = field(default_factory=dict)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)


def overview(
    spec: ModelSpec, stores: Stores, before: str = "", most: int = PER_PAGE, requests: int = MOST_REQUESTS
) -> Overview:
    """A model and its newest nights, or those before one, by so many requests. Raises ``LakeUnavailable``."""
    recent = recent_nights(
        spec,
        stores.lake.objects,
        before,
        most,
        wholly=requests >= WITHOUT_BOUND,
    )
    to_read = requests - recent.requests - TO_WRITE
    # The story is told bit by bit rather than that the nights wait for it.
    reader = LedgerReader(spec, stores, to_read // 2)
    ledger, unsealed = _ledger(reader)
    champion = ledger.champion or ""
    newest = "" if before or not recent.nights else recent.nights[0]
    left = requests - recent.requests - reader.spent
    old = ""
    if spec.training.max_age_days and left >= AGE_REQUESTS:
        left -= AGE_REQUESTS
        old = _old(spec, champion, newest, stores)
    facts, cached = _facts(spec, stores, recent, left - TO_WRITE)
    nights = [_row(recent, night, facts.get(night)) for night in recent.nights]
    earlier_facts = {night: known for night, known in cached.items() if night < min(recent.nights)}
    return Overview(
        spec=spec,
        nights=nights,
        champion=champion,
        unsealed=unsealed,
        old=old,
        earlier=recent.earlier,
        facts=facts,
        earlier_facts=earlier_facts,
        ledger=ledger,
    )


def one_night(spec: ModelSpec, partition: str, stores: Stores) -> Overview:
    """A model and a single night of it. Raises ``LakeUnavailable``."""
    objects = stores.lake.objects
    anything = {partition: "not listed"}
    recent = RecentNights(
        [partition],
        predictions=anything,
        validated=anything,
        drift=anything,
        accuracy=anything,
    )
    reader = Reader(objects, spec, MOST_REQUESTS)
    facts = read_facts(reader, recent, partition)
    if facts is None:
        report = layout.data_docs(spec.key(Dataset.VALIDATED, partition))
        state = "refused" if objects.head(report) else "not here"
        night = NightRow(partition, state)
    else:
        night = _of_facts(partition, facts)
    version, unsealed = _champion(spec, stores)
    return Overview(
        spec=spec,
        nights=[night],
        champion=version,
        unsealed=unsealed,
    )


def champion(spec: ModelSpec, stores: Stores) -> str:
    """The version that the ledger's last move made champion; empty when there was none."""
    return stores.aliases.version(spec.name, CHAMPION) or ""


def _champion(spec: ModelSpec, stores: Stores) -> tuple[str, str]:
    """The champion, or why nobody can say: one model must not cost the page of all others."""
    try:
        return champion(spec, stores), ""
    except (UnreadableRecord, UsageError) as error:
        return "", str(error)


def _ledger(reader: LedgerReader) -> tuple[LedgerFacts, str]:
    """What it says, or why nobody can say."""
    try:
        return reader.read(), ""
    except (UnreadableRecord, UsageError) as error:
        return LedgerFacts(), str(error)


def _old(spec: ModelSpec, version: str, night: str, stores: Stores) -> str:
    """What is to be said of the champion's age on the newest night; nothing is read where nobody wants to know."""
    if not (version and night):
        return ""
    try:
        record = stores.versions.record(spec.name, version)
    except UnreadableRecord:
        return ""
    if record is None:
        return ""
    return old_champion(spec, version, record.trained_through, night) or ""


def _facts(spec: ModelSpec, stores: Stores, recent: RecentNights, allowance: int) -> tuple[dict[str, NightFacts], ...]:
    """Facts of the nights shown, those that are cached and true and what the requests that are left can read; and all
    that is cached.
    """
    reader = Reader(stores.lake.objects, spec, allowance)
    try:
        known = cached_facts(reader, recent)
    except AllowanceSpentError:
        return {}, {}
    true = {night: known[night] for night in recent.nights if _is_true(known.get(night), recent, night)}
    final = {night for night, facts in true.items() if facts.is_final}
    # What could not be read is tried again when all else is read, lest it takes every request of every load.
    unread = [night for night in recent.nights if night not in true]
    unreadable = [night for night in true if night not in final]
    anew = _read_anew(reader, recent, unread + unreadable)
    changed = {night: facts for night, facts in anew.items() if facts != true.get(night)}
    if changed:
        keep_facts(reader, known | changed, set(map(year_of, changed)))
    return true | anew, known


def _is_true(facts: NightFacts | None, recent: RecentNights, night: str) -> bool:
    return facts is not None and recent.is_of(night, facts.made_from)


def _read_anew(reader: Reader, recent: RecentNights, nights: list[str]) -> dict[str, NightFacts]:
    """As far as the allowance reaches: side by side those that it surely reaches for, the rest one after the other."""
    reached = reader.allowance // OF_NIGHT
    sure = nights[:reached]
    read = ordered_map(
        lambda night: read_facts(reader, recent, night),
        sure,
        THREADS,
        2 * THREADS,
    )
    anew = {night: facts for night, facts in zip(sure, read, strict=True) if facts}
    for night in nights[reached:]:
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
        canary=facts.canary,
    )
