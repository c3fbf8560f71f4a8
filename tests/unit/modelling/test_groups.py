"""Two groups of rows a night: what their difference says, and what keys that come again every night take from it."""

import numpy as np
import pytest
from scipy import stats

from nightshift.modelling.gate.groups import GroupedNight, GroupSums, harm, lasting_variance
from nightshift.modelling.gate.sequence import interval
from nightshift.monitoring.canary.readout import fixed_horizon

ALPHA = 0.025
NIGHTS = 20


def nights_of(canary: np.ndarray, rows: tuple[int, int] = (900, 100), again: float = 0.0) -> list[GroupedNight]:
    """The champion loses 1 a row."""
    of_champion, of_canary = rows
    nights = []
    for place, mean in enumerate(canary):
        champion = GroupSums(of_champion, total=float(of_champion), again=again * of_champion, before=of_champion)
        group = GroupSums(of_canary, total=of_canary * float(mean), again=again * of_canary, before=of_canary)
        nights.append(GroupedNight(f"night {place}", champion, group))
    return nights


@pytest.mark.parametrize(("rows", "matched"), [((900, 100), 180), ((500, 500), 500), ((1, 1), 1), ((1000, 1), 2)])
def test_groups_say_as_much_as_two_equal_ones_of_their_harmonic_mean(rows: tuple[int, int], matched: int) -> None:
    (night,) = nights_of(np.array([1.5]), rows)
    assert (night.evidence.rows, night.evidence.difference / matched) == (matched, pytest.approx(0.5))


def test_a_canary_that_surely_loses_more_does_harm_and_one_that_loses_less_does_not() -> None:
    noise = np.random.default_rng(2).normal(size=NIGHTS) / 10
    worse, better = harm(nights_of(noise + 1.5), ALPHA), harm(nights_of(noise + 0.5), ALPHA)
    assert worse is not None
    assert better is not None
    assert (worse.worse, better.worse, better.better) == (True, False, True)
    assert worse.mean == pytest.approx(0.5, abs=0.1)


def test_it_asks_for_more_than_the_sequence_does_alone() -> None:
    nights = nights_of(1 + np.random.default_rng(3).normal(size=NIGHTS))
    alone = interval([night.evidence for night in nights], ALPHA)
    known = harm(nights, ALPHA)
    assert alone is not None
    assert known is not None
    assert known.low < alone.low < alone.high < known.high


def test_fewer_nights_than_are_evidence_say_nothing() -> None:
    assert harm(nights_of(np.array([3.0, 4.0] * 4 + [5.0])), ALPHA) is None


def test_what_is_peculiar_to_keys_that_come_every_night_is_no_harm() -> None:
    """All nights agree, since the same keys say the same again: of others they say little."""
    seen = nights_of(1.5 + np.random.default_rng(4).normal(size=NIGHTS) / 10)
    same_keys = nights_of(1.5 + np.random.default_rng(4).normal(size=NIGHTS) / 10, again=4.0)
    assert lasting_variance(seen) == 0
    assert lasting_variance(same_keys) == pytest.approx(4 / 900 + 4 / 100)
    of_new, of_same = harm(seen, ALPHA), harm(same_keys, ALPHA)
    assert of_new is not None
    assert of_same is not None
    assert (of_new.worse, of_same.worse) == (True, False)
    assert lasting_variance(nights_of(np.ones(3), again=-1.0)) == 0
    first = GroupedNight("first", GroupSums(900, 900.0), GroupSums(100, 150.0))
    assert lasting_variance([first, *same_keys]) == lasting_variance(same_keys)


@pytest.mark.parametrize("nights", [14, 28])
def test_a_readout_for_one_look_is_around_the_truth_as_often_as_it_says(nights: int) -> None:
    random = np.random.default_rng(20261126)
    runs, truth = 300, 0.2
    outside = 0
    for _ in range(runs):
        known = fixed_horizon(nights_of(1 + truth + random.normal(size=nights)), 0.05)
        outside += not known.low <= truth <= known.high
    # At most the 5 % that are asked for, but for chance.
    assert stats.binom.sf(outside - 1, runs, 0.05) > 0.001
