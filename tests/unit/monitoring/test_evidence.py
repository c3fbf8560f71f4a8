"""An e-value is fair on quiet nights: 1 on average, whatever nights are like there."""

import numpy as np
import pytest

from nightshift.monitoring.evidence import SkillComparison


def remembering(random, nights, memory):
    values = random.normal(size=nights)
    for night in range(1, nights):
        values[night] = memory * values[night - 1] + (1 - memory**2) ** 0.5 * values[night]
    return values


DRAWS = {
    "normal": lambda random, nights: random.normal(size=nights),
    "far": lambda random, nights: random.normal(1e6, 1e-3, size=nights),
    "t4": lambda random, nights: random.standard_t(4, size=nights),
    "storms": lambda random, nights: np.exp(0.75 * random.normal(size=nights)),
    "remembering": lambda random, nights: remembering(random, nights, 0.5),
}


def evidence(reference, later, leaning=None, of_later=None, **others):
    leaning = np.zeros(len(reference)) if leaning is None else leaning
    of_later = np.zeros(len(later)) if of_later is None else of_later
    return SkillComparison(np.asarray(reference, float), leaning, **others).evidence(np.asarray(later, float), of_later)


@pytest.mark.parametrize(("reference", "is_two_sided"), [(7, False), (28, False), (28, True)])
@pytest.mark.parametrize("draw", DRAWS)
def test_quiet_nights_are_evidence_of_nothing(draw, reference, is_two_sided):
    """Of nights that remember each other the memory is estimated: there it is rare, and no more."""
    random = np.random.default_rng(4)
    values = [DRAWS[draw](random, reference + 7) for _ in range(200)]
    seen = np.array([evidence(each[:reference], each[reference:], is_two_sided=is_two_sided)[0] for each in values])
    assert np.mean(seen >= 20) < 0.05
    if draw != "remembering":
        assert np.mean(seen) < 1.3


def test_bad_nights_are_evidence_and_more_of_them_more():
    random = np.random.default_rng(0)
    reference, later = random.normal(size=28), random.normal(1.5, 1, size=14)
    seen = [evidence(reference, later[:nights])[0] for nights in (1, 4, 14)]
    assert seen[0] < seen[1] < seen[2]
    assert seen[2] > 100


def test_good_nights_are_none_unless_less_is_bad_too():
    random = np.random.default_rng(0)
    reference, later = random.normal(size=28), random.normal(-2, 1, size=14)
    assert evidence(reference, later)[0] < 1
    assert evidence(reference, later, is_two_sided=True)[0] > 100


def test_there_is_one_for_each_beginning():
    later = np.array([0.0, 0.0, 0.0, 9.0])
    reference = np.random.default_rng(0).normal(size=28)
    by_beginning = evidence(reference, later)
    assert by_beginning.shape == (4,)
    assert by_beginning.argmax() == 3
    assert by_beginning[3] == pytest.approx(evidence(reference, later[3:])[0])
    assert evidence(reference, []).shape == (0,)


def test_level_and_unit_of_what_is_measured_change_nothing():
    random = np.random.default_rng(1)
    reference, later = random.normal(size=20), random.normal(1, 1, size=6)
    assert evidence(5 + 1e-4 * reference, 5 + 1e-4 * later) == pytest.approx(evidence(reference, later), rel=1e-6)


def test_a_storm_says_no_more_than_that_it_was_one():
    reference = np.random.default_rng(1).normal(size=28)
    assert evidence(reference, [8.0])[0] == pytest.approx(evidence(reference, [800.0])[0], rel=1e-6)


def test_nights_that_resemble_each_other_say_less():
    random = np.random.default_rng(2)
    alone = np.sort(random.normal(size=28))
    shuffled = random.permutation(alone)
    later = np.full(7, 1.5)
    assert evidence(alone, later)[0] < evidence(shuffled, later)[0] / 10


def test_what_nobody_saw_coming_explains_half_of_it_at_most():
    random = np.random.default_rng(3)
    surprise = random.normal(size=28)
    comparison = SkillComparison(surprise + 0.1 * random.normal(size=28), surprise)
    assert comparison.slope == 0.5
    assert SkillComparison(-surprise, surprise).slope == 0
    storm = np.full(3, 3.0)
    assert comparison.evidence(storm, storm)[0] < SkillComparison(surprise, np.zeros(28)).evidence(storm, storm)[0]


def test_nights_that_are_all_equal_are_quiet():
    assert evidence(np.full(10, 0.5), np.full(5, 0.5)).max() < 1.5
    assert evidence(np.full(10, 0.5), np.full(5, 0.6))[0] > 100
