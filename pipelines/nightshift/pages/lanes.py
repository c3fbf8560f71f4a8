"""The lanes of a model's timeline: rows, drift, skill, loss, scores, and who scored."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from nightshift.charts import FEW, HEIGHT, Scale, band, bars, dots, line
from nightshift.pages.night_facts import NightFacts
from nightshift.pages.night_words import number, percent
from nightshift.pages.overview import NightRow, Overview

STRIP = 12
LANE = 54
WIDEST = 3.0
"""Drift is drawn up to so many times the alarm line."""
LEAST = 1.25
Values = list[float | None]


@dataclass(frozen=True)
class LaneShape:
    """A path of a class of the style."""

    kind: str
    path: str


@dataclass(frozen=True)
class Level:
    """A line over all nights, in percent from the top."""

    kind: str
    y: float
    label: str = ""


@dataclass(frozen=True)
class Stay:
    """A version over the nights that it scored, in percent of the width."""

    x: float
    width: float
    label: str
    title: str
    is_odd: bool


@dataclass(frozen=True)
class Lane:
    """One figure over all nights. ``note`` is its newest value, ``detector`` whose alarms are shown in it.

    ``more`` goes on where there is room, of the title and of the note.
    """

    title: str
    more: tuple[str, str] = ("", "")
    height: int = LANE
    note: str = ""
    shapes: list[LaneShape] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    stays: list[Stay] = field(default_factory=list)
    detector: str = ""


def lanes_of(view: Overview, nights: Sequence[str], rows: Mapping[str, NightRow]) -> list[Lane]:
    """Those that there is something to show in; the first always."""
    facts = [view.facts.get(night) for night in nights]
    states = [rows[night].state if night in rows else "" for night in nights]
    lanes = [_nights(states, facts)]
    for lane in (_drift(facts), _skill(facts), _loss(facts), _scores(facts), _versions(facts, nights)):
        if lane:
            lanes.append(lane)
    return lanes


def _nights(states: Sequence[str], facts: Sequence[NightFacts | None]) -> Lane:
    """Rows that were published and, above them, those in quarantine; a night that was refused is a bar of its own."""
    published = _values(facts, _published)
    aside = _values(facts, _in_quarantine)
    total: Values = []
    for rows, quarantined in zip(published, aside, strict=True):
        if quarantined is None:
            total.append(None)
        else:
            total.append((rows or 0.0) + quarantined)
    scale = Scale.over([*published, *total], 0.0, 1.0)
    refused = [scale.high if state in {"refused", "unreadable"} else None for state in states]
    taken = [scale.high if state == "retracted" else None for state in states]
    shapes = [
        LaneShape("r", bars(taken, scale)),
        LaneShape("n", bars(published, scale)),
        LaneShape("q", bars(total, scale, published)),
        LaneShape("a", bars(refused, scale)),
    ]
    last = _last(published)
    note = "" if last is None else f"{last:,.0f} rows"
    return Lane(
        "Rows",
        ("; above them those in quarantine", ""),
        note=note,
        shapes=_drawn(shapes),
        levels=[Level("axis", HEIGHT)],
    )


def _published(night: NightFacts) -> float | None:
    if night.rows is None:
        return None
    return float(night.rows)


def _in_quarantine(night: NightFacts) -> float | None:
    if night.quarantined == 0:
        return None
    return float(night.quarantined)


def _drift(facts: Sequence[NightFacts | None]) -> Lane | None:
    ratios = _values(facts, lambda night: night.ratio)
    last = _last(ratios)
    if last is None:
        return None
    shown = [None if ratio is None else min(ratio, WIDEST) for ratio in ratios]
    scale = Scale.over(shown, 0.0, LEAST)
    quiet = _where(shown, facts, lambda night: night.verdict != "drift")
    alarmed = _where(shown, facts, lambda night: night.verdict == "drift")
    shapes = [
        LaneShape("n", bars(quiet, scale)),
        LaneShape("a", bars(alarmed, scale)),
    ]
    return Lane(
        "Drift",
        more=(", as a share of the alarm line", ""),
        note=percent(last),
        shapes=_drawn(shapes),
        levels=[Level("axis", HEIGHT), Level("limit", scale.y(1.0))],
        detector="drift",
    )


def _skill(facts: Sequence[NightFacts | None]) -> Lane | None:
    skills = _values(facts, lambda night: night.skill)
    last = _last(skills)
    if last is None:
        return None
    usual = _last(_values(facts, lambda night: night.usual_skill))
    always = (0.0,) if usual is None else (0.0, usual)
    scale = Scale.over(skills, *always)
    levels = [Level("axis", scale.y(0.0))]
    if usual is not None:
        levels.append(Level("usual", scale.y(usual)))
    lost = _where(skills, facts, lambda night: bool(night.lost))
    beside = "" if usual is None else f", usually {number(usual)}"
    return Lane(
        "Skill",
        more=(", what a row loses less than by a forecaster without features", beside),
        note=number(last),
        shapes=_drawn([
            LaneShape("path", line(skills, scale)),
            LaneShape(_dots(skills), dots(skills, scale)),
            LaneShape(f"{_dots(skills)} lost", dots(lost, scale)),
        ]),
        levels=levels,
        detector="accuracy",
    )


def _loss(facts: Sequence[NightFacts | None]) -> Lane | None:
    """What a row loses: expected before labels as dots, and by them as a line."""
    estimates = _values(facts, lambda night: night.estimate)
    losses = _values(facts, lambda night: night.loss)
    names = [night.loss_name for night in facts if night and night.loss_name]
    if not names:
        return None
    scale = Scale.over([*estimates, *losses])
    expected = _last(estimates)
    measured = _last(losses)
    name = names[-1].replace("_", " ")
    newest = expected if measured is None else measured
    also = "" if measured is None or expected is None else f", newest expected {number(expected)}"
    kind = f"{_dots(estimates)} expected"
    shapes = [
        LaneShape("path", line(losses, scale)),
        LaneShape(kind, dots(estimates, scale)),
    ]
    what = f" ({name}): by labels a line, expected before them dots"
    note = "" if newest is None else number(newest)
    return Lane(
        "Loss of a row",
        more=(what, also),
        note=note,
        shapes=_drawn(shapes),
    )


def _scores(facts: Sequence[NightFacts | None]) -> Lane | None:
    lows, medians, highs = (_values(facts, _quantile(place)) for place in range(3))
    last = _last(medians)
    if last is None:
        return None
    scale = Scale.over([*lows, *highs])
    shapes = [
        LaneShape("band", band(lows, highs, scale)),
        LaneShape("path", line(medians, scale)),
    ]
    return Lane(
        "Scores",
        more=(": the median, and where 8 of 10 rows lie", ""),
        note=number(last),
        shapes=_drawn(shapes),
    )


def _versions(facts: Sequence[NightFacts | None], nights: Sequence[str]) -> Lane | None:
    """Which version scored, as long as it did without another between; nights without a version belong to none."""
    versions = [night.version if night else "" for night in facts]
    if not any(versions):
        return None
    share = 100 / len(nights)
    stays = []
    known = [(place, version) for place, version in enumerate(versions) if version]
    for order, (version, group) in enumerate(groupby(known, key=lambda pair: pair[1])):
        places = [place for place, _ in group]
        first = places[0]
        last = places[-1]
        width = (last - first + 1) * share
        label = f"version {version}" if width > 15 else f"v{version}"
        title = f"version {version} scored {nights[first]} to {nights[last]}"
        stays.append(Stay(first * share, width, label if width > 5 else "", title, order % 2 == 1))
    return Lane("Scored by", ("; circles are retrains", ""), height=STRIP + 8, stays=stays)


def _quantile(place: int) -> Callable[[NightFacts], float | None]:
    return lambda night: night.quantiles[place] if night.quantiles else None


def _values(facts: Sequence[NightFacts | None], value: Callable[[NightFacts], float | None]) -> Values:
    return [value(night) if night else None for night in facts]


def _where(values: Values, facts: Sequence[NightFacts | None], holds: Callable[[NightFacts], bool]) -> Values:
    kept: Values = []
    for value, night in zip(values, facts, strict=True):
        kept.append(value if night and holds(night) else None)
    return kept


def _last(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return known[-1]


def _dots(values: Values) -> str:
    if len(values) <= FEW:
        return "dots"
    return "dots small"


def _drawn(shapes: Sequence[LaneShape]) -> list[LaneShape]:
    return [shape for shape in shapes if shape.path]
