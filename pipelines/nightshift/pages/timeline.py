"""A model over its nights, on one axis: what is drawn, and where. The template only writes it down.

Places along the axis are shares of its width in percent, so that text keeps its size however wide the page is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from nightshift.pages.alarms import ShownAlarm
from nightshift.pages.lanes import Lane, lanes_of
from nightshift.pages.night_words import in_words
from nightshift.pages.overview import NightRow, Overview
from nightshift.spec import ModelSpec
from nightshift.spec.night import Partition

HEAD = 20
"""Above a lane, for its title."""
GAP = 8
TOP = 18
BOTTOM = 20
MOST_TICKS = 5
BETWEEN_LABELS = 8.0
"""Percent between labels of versions: nearer ones have a title alone."""
MOST_HOLES = 2
KEPT = 512


@dataclass(frozen=True)
class PlacedLane:
    """A lane, and how far below the top it begins."""

    lane: Lane
    y: int


@dataclass(frozen=True)
class Span:
    """An alarm over its nights, in the lane of its detector."""

    x: float
    width: float
    y: int
    height: int
    is_known: bool
    title: str


@dataclass(frozen=True)
class Tick:
    """A mark at a night: a date below, a version above, or how a retrain ended."""

    x: float
    label: str
    title: str = ""
    kind: str = ""


@dataclass(frozen=True)
class NightColumn:
    """All of one night: where it leads, and what it says."""

    place: int
    partition: str
    title: str
    is_reported: bool


@dataclass(frozen=True)
class Timeline:
    """What is drawn of a model. ``nights`` are all places of the axis, oldest first, also where nothing came."""

    nights: list[str]
    lanes: list[PlacedLane] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    changes: list[Tick] = field(default_factory=list)
    retrains: list[Tick] = field(default_factory=list)
    dates: list[Tick] = field(default_factory=list)
    columns: list[NightColumn] = field(default_factory=list)
    height: int = 0

    @property
    def bottom(self) -> int:
        """Where lanes end, and dates begin."""
        return self.height - BOTTOM


def timeline_of(view: Overview, alarms: Sequence[ShownAlarm]) -> Timeline:
    """The nights of a page, drawn."""
    nights = axis(view.spec, view.nights)
    if not nights:
        return Timeline([])
    rows = {row.partition: row for row in view.nights}
    lanes = _placed(lanes_of(view, nights, rows))
    last = lanes[-1]
    spans = [span for alarm in alarms for span in _spans(alarm, nights, lanes)]
    return Timeline(
        nights=nights,
        lanes=lanes,
        spans=spans,
        changes=_changes(view, nights),
        retrains=_retrains(view, nights),
        dates=_dates(nights),
        columns=_columns(view, nights, rows),
        height=last.y + last.lane.height + GAP + BOTTOM,
    )


def _columns(view: Overview, nights: Sequence[str], rows: Mapping[str, NightRow]) -> list[NightColumn]:
    """Of the nights of which there is something."""
    columns = []
    for place, night in enumerate(nights):
        if night in rows:
            columns.append(_column(view, place, rows[night]))
    return columns


def axis(spec: ModelSpec, rows: Sequence[NightRow]) -> list[str]:
    """The nights shown and, by the clock of the schedule, those between them of which there is nothing."""
    there = sorted(row.partition for row in rows)
    if not there:
        return []
    nights = sorted({*there, *_scheduled(spec.partition, there[0], there[-1])})
    return nights if len(nights) <= MOST_HOLES * len(there) else there


@lru_cache(maxsize=KEPT)
def _scheduled(partition: Partition, first: str, last: str) -> tuple[str, ...]:
    """By the clock of the schedule; a year of it takes longer than all else of a page, and is the same in each load."""
    return tuple(partition.nights_between(first, last))


def _placed(lanes: Sequence[Lane]) -> list[PlacedLane]:
    placed = []
    y = TOP
    for lane in lanes:
        y += HEAD
        placed.append(PlacedLane(lane, y))
        y += lane.height + GAP
    return placed


def _spans(alarm: ShownAlarm, nights: Sequence[str], lanes: Sequence[PlacedLane]) -> list[Span]:
    episode = alarm.episode
    inside = [place for place, night in enumerate(nights) if episode.first_night <= night <= alarm.reaches]
    if not inside:
        return []
    silenced = f"; {alarm.silenced}" if alarm.silenced else ""
    title = f"{alarm.name}: {alarm.what}, {episode.nights} nights from {episode.first_night}, {alarm.state}{silenced}"
    share = 100 / len(nights)
    left = inside[0] * share
    width = len(inside) * share
    spans = []
    for placed in lanes:
        if placed.lane.detector == episode.detector:
            span = Span(
                x=left,
                width=width,
                y=placed.y,
                height=placed.lane.height,
                is_known=bool(alarm.silenced),
                title=title,
            )
            spans.append(span)
    return spans


def _changes(view: Overview, nights: Sequence[str]) -> list[Tick]:
    """Where another version became champion; of several on one night the last."""
    reasons = {entry.number: entry.reason for entry in view.ledger.story}
    by_place: dict[int, Tick] = {}
    for standing in view.ledger.standings:
        place = _place(standing.night, nights)
        if place is None:
            continue
        why = reasons.get(standing.number, "")
        who = f"version {standing.version} is champion" if standing.version else "nobody is champion"
        title = f"{who} from {standing.night} on" + (f": {why}" if why else "")
        label = f"v{standing.version}" if standing.version else "none"
        by_place[place] = Tick(100 * place / len(nights), label, title)
    return _without_crowd([by_place[place] for place in sorted(by_place)])


def _without_crowd(ticks: Sequence[Tick]) -> list[Tick]:
    """Labels only where there is room for them; the newest has one."""
    shown = []
    right = 100.0 + BETWEEN_LABELS
    for tick in reversed(ticks):
        has_room = right - tick.x >= BETWEEN_LABELS
        if has_room:
            shown.append(tick)
            right = tick.x
        else:
            shown.append(Tick(tick.x, "", tick.title))
    return shown[::-1]


def _retrains(view: Overview, nights: Sequence[str]) -> list[Tick]:
    share = 100 / len(nights)
    ticks = []
    for run in view.ledger.retrains:
        place = _place(run.night, nights)
        if place is None:
            continue
        outcome = run.outcome or "running"
        ended = outcome.replace("_", " ")
        title = f"{run.night}: a retrain in place of version {run.version}, {ended}"
        middle = (place + 0.5) * share
        tick = Tick(middle, "", title, outcome)
        ticks.append(tick)
    return ticks


def _place(night: str, nights: Sequence[str]) -> int | None:
    """Of the first night from one on; None outside of the axis."""
    if not nights[0] <= night <= nights[-1]:
        return None
    return next(place for place, other in enumerate(nights) if other >= night)


def _dates(nights: Sequence[str]) -> list[Tick]:
    """A few nights along the axis, in the middle of their columns."""
    step = max(1, (len(nights) - 1) // (MOST_TICKS - 1))
    places = range(len(nights) - 1, -1, -step)
    share = 100 / len(nights)
    return [Tick((place + 0.5) * share, nights[place]) for place in places][::-1]


def _column(view: Overview, place: int, row: NightRow) -> NightColumn:
    return NightColumn(
        place=place,
        partition=row.partition,
        title=in_words(row, view.facts.get(row.partition)),
        is_reported=bool(row.verdict),
    )
