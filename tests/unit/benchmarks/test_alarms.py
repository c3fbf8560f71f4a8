"""The simulator of alarms: it draws what rows would give, and a line that moves is seen."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.alarm_cells import Alarms, Cell, opened, replicates, watch
from benchmarks.alarm_faults import ROW_FAULTS, STUCK_WEATHER, Fault
from benchmarks.alarm_former import Former
from benchmarks.alarm_project import Present
from benchmarks.alarm_rows import watch_rows
from benchmarks.alarm_rules import PEERS

CELL = Cell("night", 8, 1_000)
REFERENCES = 6
NIGHTS = 40
ASKED = 0.01


@pytest.fixture(scope="module")
def quiet() -> dict[float, Alarms]:
    """Quiet nights by how much of the project's line is left."""
    lines = [Present(1.0, "whole"), Present(0.5, "half")]
    seen = watch(lines, CELL, REFERENCES, NIGHTS)
    return {detector.line: seen[detector.name] for detector in lines}


def episodes(alarms: Alarms) -> int:
    return sum(opened(nights) for nights in alarms.raised)


def most(nights: int) -> int:
    """Episodes that nights of the promised rate hardly ever pass."""
    return int(stats.binom.ppf(0.9999, nights, ASKED))


def test_quiet_nights_open_no_more_episodes_than_promised(quiet: dict[float, Alarms]) -> None:
    assert episodes(quiet[1.0]) <= most(REFERENCES * NIGHTS)


def test_half_the_line_is_seen(quiet: dict[float, Alarms]) -> None:
    """By nights: so many alarm that they are one episode."""
    assert quiet[0.5].raised.sum() > most(REFERENCES * NIGHTS)


@pytest.mark.parametrize("fault", ROW_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_of_a_night_is_caught_on_the_first_one(fault: Fault) -> None:
    seen = watch([Present()], CELL, 2, 1, fault=fault, quiet=7)
    assert seen["present"].caught(1) == 1.0


def test_twice_the_line_misses_what_the_line_sees() -> None:
    """A detector that never alarms keeps every promise of silence; this is what it breaks."""
    lines = [Present(1.0, "whole"), Present(4.0, "fourfold")]
    seen = watch(lines, CELL, 4, 7, fault=STUCK_WEATHER, quiet=28)
    assert seen["whole"].caught(7) >= 0.75
    assert seen["fourfold"].caught(7) < seen["whole"].caught(7)


def test_rows_and_counts_say_the_same() -> None:
    by_counts = watch([Present()], CELL, 2, 10)["present"].raised.sum()
    by_rows = watch_rows(CELL, 2, 10).raised.sum()
    assert abs(int(by_counts) - int(by_rows)) <= 3


def test_the_former_line_and_the_others_are_as_they_are_known() -> None:
    small = watch([Former()], Cell("rows", 8, 1_000, 100), 10, 20)["former"]
    assert 0.25 < small.share < 0.5
    others = watch(PEERS, Cell("night", 8, 1_000), 4, 10)
    assert others["ks"].share == others["psi"].share == 1.0
    assert watch([Former()], CELL, 6, 7, fault=STUCK_WEATHER, quiet=0)["former"].caught(7) < 0.5


def test_an_episode_is_opened_once_and_again_after_three_quiet_nights() -> None:
    raised = np.array([1, 1, 0, 0, 1, 0, 0, 0, 1, 0], bool)
    assert opened(raised) == 2


def test_a_limit_is_of_whole_references() -> None:
    together = np.zeros((50, 60), bool)
    together[0] = np.arange(60) % 4 == 0
    apart = np.zeros((50, 60), bool)
    apart[:15, 0] = True
    bound = {name: Alarms(CELL, raised).episodes_limit for name, raised in (("together", together), ("apart", apart))}
    assert episodes(Alarms(CELL, together)) == episodes(Alarms(CELL, apart))
    assert bound["together"] > bound["apart"] > 15 / 3000


def test_moments_agree_with_counts() -> None:
    reference, later = next(replicates(CELL, range(1), 20))
    for night in (*reference.nights, *later):
        for name, moments in night.values.moments.items():
            edges = np.asarray(reference.bins[name].edges)
            occupied = np.flatnonzero(night.values.counts[name][:-1])
            ends = np.searchsorted(edges, [moments.low, moments.high], side="right")
            assert list(ends) == [occupied[0], occupied[-1]]
            assert moments.low <= moments.mean <= moments.high
            assert night.values.counts[name].sum() == night.rows
