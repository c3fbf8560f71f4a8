"""The simulation of shadows asks the rule that decides, and counts whoever takes over on any night."""

import numpy as np
import pytest

from benchmarks.gate_nights import NightWorld, remembering
from benchmarks.shadow import CALM, EVEN, SEED, STORMY, promotions
from benchmarks.shadow_rules import present
from nightshift.modelling.gate.sequence import NightDifference, interval

ALPHA = 0.025


@pytest.mark.parametrize("world", [CALM[0], STORMY[-1], EVEN[-1]], ids=lambda world: world.name)
@pytest.mark.parametrize("nights", [10, 33, 60])
def test_the_rule_of_many_pairs_is_that_of_one(world: NightWorld, nights: int) -> None:
    differences, rows = world.differences([SEED, nights], 25, nights)
    highs = present(differences, rows, ALPHA)
    for of_run, rows_of_run, high in zip(differences, rows, highs, strict=True):
        pairs = zip(of_run, rows_of_run, strict=True)
        evidence = [NightDifference(str(n), int(size), float(mean * size)) for n, (mean, size) in enumerate(pairs)]
        known = interval(evidence, ALPHA)
        assert known is not None
        assert high == pytest.approx(known.high, rel=1e-9)


def test_nights_that_are_all_alike_promote_nobody() -> None:
    alike = NightWorld("alike", lambda _, runs, nights: np.zeros((runs, nights)))
    assert promotions(alike, 5, gain=0.5).nights == []


def test_who_is_far_better_takes_over_and_who_is_worse_never_does() -> None:
    calm = NightWorld("calm", remembering(0.0))
    assert promotions(calm, 20, gain=3.0).promoted.times == 20
    assert promotions(calm, 20, gain=-1.0).promoted.times == 0
