"""``drift.*``: what alarms promise, on nights whose truth is known, for any detector, beside the rules that others use.

A cell is one world at one size: references of its own, each with the nights after it, so that a limit over whole
references holds whatever the nights of one share. Figures are of counts, and held against rows at one size.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from os import sched_getaffinity

import numpy as np

from benchmarks.alarm_cells import SEED, Alarms, Cell, watch
from benchmarks.alarm_faults import ROW_FAULTS, STUCK_WEATHER, Fault, row_shift, weather_shift
from benchmarks.alarm_former import Former
from benchmarks.alarm_project import Present
from benchmarks.alarm_rows import watch_rows
from benchmarks.alarm_rules import PEERS, Detector
from benchmarks.world import World

ASKED = 0.01
CATCH_REFERENCES = 25
NIGHTS = 60
WEEK = 7
QUIET_BEFORE = 28
WORLDS = ("rows", "night", "week")
FEATURES = (8, 50)
ROWS = (300, 1_000, 10_000, 100_000)
CATCH_ROWS = (1_000, 10_000)
DEVIATIONS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Plan:
    """Which sizes, and how many references a cell has: of quiet nights by features, of faults, others and rows."""

    sizes: Sequence[int]
    quiet: Mapping[int, int]
    faults: int
    others: int
    rows: int


SHORT = Plan(sizes=(1_000, 10_000), quiet={8: 60, 50: 30}, faults=60, others=20, rows=20)
FULL = Plan(sizes=ROWS, quiet={8: 200, 50: 200}, faults=200, others=60, rows=60)


@dataclass(frozen=True)
class Task:
    """Some references of a cell, watched."""

    detectors: Sequence[Detector]
    cell: Cell
    references: int
    nights: int = NIGHTS
    fault: Fault | None = None
    quiet: int = 0

    def run(self) -> dict[str, Alarms]:
        """Each detector's alarms."""
        return watch(self.detectors, self.cell, self.references, self.nights, fault=self.fault, quiet=self.quiet)


def figures(world: World) -> dict[str, float]:
    """What the project's detectors promise and see, then what the former line and others do on the same nights."""
    return _measured(world, SHORT)


def long_figures(world: World) -> dict[str, float]:
    """The same of all sizes, over as many references as bounds of the worst cell need."""
    return {f"{name}_long": value for name, value in _measured(world, FULL).items()}


def _measured(world: World, plan: Plan) -> dict[str, float]:
    measured = {"drift.seed": float(SEED), "drift.nights": float(NIGHTS)}
    measured |= {f"drift.references_{features}": float(count) for features, count in plan.quiet.items()}
    measured |= _false_alarms(world, plan)
    measured |= _first_nights(world)
    measured |= _weeks(world, plan)
    measured |= _of_others(world, plan)
    measured |= _of_rows(world, plan)
    return measured


def cells(worlds: Iterable[str], sizes: Iterable[int] = ROWS) -> Iterator[Cell]:
    """With nights as large as the reference's, and of a tenth."""
    for name in worlds:
        for features in FEATURES:
            for rows in sizes:
                yield Cell(name, features, rows)
                yield Cell(name, features, rows, rows // 10)


def _false_alarms(world: World, plan: Plan) -> dict[str, float]:
    """Opened episodes per night, by what is asked."""
    of_quiet = [_ratio(world, alarms) for alarms in _present(plan, cells(WORLDS, plan.sizes))]
    of_auto = [_ratio(world, alarms) for alarms in _present(plan, cells(["auto"], plan.sizes))]
    seen = [ratio for ratio, _ in of_quiet]
    return {
        "drift.false_alarm_ratio": max(limit for _, limit in of_quiet),
        "drift.false_alarm_ratio_seen": max(seen),
        "drift.false_alarm_ratio_mean": float(np.mean(seen)),
        "drift.false_alarm_ratio_auto": max(limit for _, limit in of_auto),
        "drift.false_alarm_ratio_auto_mean": float(np.mean([ratio for ratio, _ in of_auto])),
    }


def _present(plan: Plan, some: Iterable[Cell]) -> Iterator[Alarms]:
    for alarms in run(Task([Present()], cell, plan.quiet[cell.features]) for cell in some):
        yield alarms["present"]


def _ratio(world: World, alarms: Alarms) -> tuple[float, float]:
    ratio = alarms.episodes / ASKED
    limit = alarms.episodes_limit / ASKED
    world.console.print(
        f"{alarms.cell.name}: {ratio:.2f} of what is asked, at most {limit:.2f}; {alarms.share:.2%} of nights"
    )
    return ratio, limit


def _first_nights(world: World) -> dict[str, float]:
    """Faults that a night shows by itself."""
    tasks = [
        Task([Present()], Cell("night", features, rows), CATCH_REFERENCES, 1, fault, QUIET_BEFORE)
        for features in FEATURES
        for rows in CATCH_ROWS
        for fault in ROW_FAULTS
    ]
    caught = 0.0
    for task, alarms in zip(tasks, run(tasks), strict=True):
        share = alarms["present"].caught(1)
        caught += share * CATCH_REFERENCES
        world.console.print(f"{task.cell.name}, {_name(task)}: {share:.0%} caught on the first night")
    return {"drift.first_night_catch": round(caught), "drift.first_night_faults": len(tasks) * CATCH_REFERENCES}


def _weeks(world: World, plan: Plan) -> dict[str, float]:
    """Faults that several nights show, and how often as many quiet nights alarm."""
    eight = Cell("night", 8, 1_000)
    remembering = Cell("auto", 8, 1_000)
    shifts = [weather_shift(deviations) for deviations in DEVIATIONS]
    named: dict[str, tuple[Cell, Fault | None]] = {
        "drift.stuck_catch_7": (eight, STUCK_WEATHER),
        "drift.stuck_catch_7_of_50": (replace(eight, features=50), STUCK_WEATHER),
        "drift.constant_shift_catch_7": (eight, weather_shift(2)),
        "drift.shift025_catch_7": (eight, row_shift(0.25)),
        "drift.quiet_7": (eight, None),
        "drift.quiet_7_auto": (remembering, None),
        **{f"drift.constant_shift_{fault.name}": (eight, fault) for fault in shifts},
        **{f"drift.constant_shift_{fault.name}_auto": (remembering, fault) for fault in shifts},
    }
    detectors = [Present(), Former()]
    tasks = [Task(detectors, cell, plan.faults, WEEK, fault, QUIET_BEFORE) for cell, fault in named.values()]
    measured = {}
    for name, alarms in zip(named, run(tasks), strict=True):
        measured[name] = alarms["present"].caught(WEEK)
        measured[f"{name}_former"] = alarms["former"].caught(WEEK)
        world.console.print(f"{name}: {measured[name]:.1%}, by the former line {measured[f'{name}_former']:.1%}")
    return measured


def _of_others(world: World, plan: Plan) -> dict[str, float]:
    """The share of quiet nights that alarm by the former line and by the rules that others use."""
    detectors = [Former(), *PEERS]
    some = [Cell(name, features, rows) for name in (*WORLDS, "auto") for features in FEATURES for rows in plan.sizes]
    some += [Cell(name, 8, 1_000, 100) for name in (*WORLDS, "auto")]
    measured = {}
    for cell, alarms in zip(some, run(Task(detectors, cell, plan.others) for cell in some), strict=True):
        for name, of_detector in alarms.items():
            tenth = "_tenth" if cell.night_rows else ""
            measured[f"drift.{name}_{cell.world}_{cell.features}_{cell.rows}{tenth}"] = of_detector.share
        listed = ", ".join(f"{name} {of_detector.share:.2%}" for name, of_detector in alarms.items())
        world.console.print(f"{cell.name}: {listed}")
    return measured


def _of_rows(world: World, plan: Plan) -> dict[str, float]:
    """Whether rows say what counts say."""
    measured = {}
    for name in (*WORLDS, "auto"):
        cell = Cell(name, 8, 1_000)
        by_rows = watch_rows(cell, plan.rows, NIGHTS)
        world.console.print(f"{cell.name}: {by_rows.episodes / ASKED:.2f} of what is asked, by rows")
        measured[f"drift.false_alarm_ratio_{name}_rows"] = by_rows.episodes / ASKED
        measured[f"drift.false_alarm_ratio_{name}_rows_limit"] = by_rows.episodes_limit / ASKED
    return measured


def run(tasks: Iterable[Task]) -> Iterator[dict[str, Alarms]]:
    """In the tasks' order, on all cores."""
    with ProcessPoolExecutor(len(sched_getaffinity(0))) as pool:
        yield from pool.map(Task.run, tasks)


def _name(task: Task) -> str:
    return task.fault.name if task.fault else "quiet"
