"""The test on nights: what it promises on nights whose truth is known, and by hand."""

import numpy as np
import pytest
from scipy import stats

from nightshift.modelling.gate.memory import neighbours
from nightshift.modelling.gate.night_values import NightMeans, of_rows
from nightshift.modelling.gate.nights import NightTest, night_test, night_tests
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.gate.variances import moderated

RUNS = 1_500
# Of 0.05 with so many runs, three binomial standard errors above.
TOLERATED = 0.05 + 3 * (0.05 * 0.95 / RUNS) ** 0.5


def remembering(random: np.random.Generator, nights: int, memory: float) -> np.ndarray:
    values = random.normal(size=(RUNS, nights))
    for night in range(1, nights):
        values[:, night] = memory * values[:, night - 1] + (1 - memory**2) ** 0.5 * values[:, night]
    return values


def of_nights(values: np.ndarray) -> NightTest:
    return night_test(of_rows(values, np.arange(len(values))))


def better(worlds: np.ndarray, alpha: float = 0.025) -> float:
    return float(np.mean([of_nights(values).interval(alpha).better for values in worlds]))


@pytest.mark.parametrize("nights", [7, 14, 28])
@pytest.mark.parametrize("memory", [0.0, 0.5])
def test_equals_are_promoted_as_seldom_as_is_claimed(nights: int, memory: float) -> None:
    random = np.random.default_rng([nights, int(10 * memory)])
    assert better(remembering(random, nights, memory)) <= TOLERATED


@pytest.mark.parametrize("nights", [7, 14, 28])
def test_rare_bad_nights_do_not_promote(nights: int) -> None:
    random = np.random.default_rng(nights)
    storms = np.exp(0.9 * random.normal(size=(RUNS, nights))) - np.exp(0.9**2 / 2)
    assert better(storms) <= TOLERATED


def test_four_standard_errors_are_seen_on_28_nights_and_three_by_most() -> None:
    independent = remembering(np.random.default_rng(1), 28, 0.0)
    assert better(independent - 4 / 28**0.5) > 0.85
    assert better(independent - 3 / 28**0.5) > 0.6


def test_the_interval_is_students_when_nothing_is_remembered_or_skewed() -> None:
    test = NightTest(estimate=1.0, standard_error=0.5, degrees=9.0)
    interval = test.interval(0.025)
    assert (interval.low, interval.high) == pytest.approx(stats.t.interval(0.95, 9, loc=1.0, scale=0.5))
    assert test.p_worse(0.0) == pytest.approx(stats.t.sf(2.0, 9))


@pytest.mark.parametrize("skew", [-0.4, -0.01, 0.0, 0.01, 0.4])
def test_what_the_interval_excludes_is_what_the_test_rejects(skew: float) -> None:
    test = NightTest(estimate=1.0, standard_error=0.5, degrees=9.0, skew=skew)
    assert test.p_worse(test.interval(0.01).low) == pytest.approx(0.01)


def test_rare_bad_nights_widen_the_interval_upwards() -> None:
    storms = np.array([0.0, 0.1, -0.1, 0.05, -0.05, 0.0, 3.0])
    interval = of_nights(storms).interval(0.025)
    assert interval.high - interval.mean > interval.mean - interval.low


def test_each_night_weighs_as_many_rows_as_it_has() -> None:
    values = of_rows(np.array([1.0, 1.0, 1.0, 5.0]), np.array([1, 1, 1, 2]))
    assert values.estimate == 2.0
    assert values.influence.sum() == pytest.approx(0.0)
    assert values.effective_nights == pytest.approx(16 / 10)


def test_one_large_night_is_not_many_nights() -> None:
    differences = np.random.default_rng(1).normal(size=14)
    even = NightMeans(0.0, differences, np.full(14, 100))
    uneven = NightMeans(0.0, differences, np.append(np.full(13, 10), 10_000))
    assert night_test(uneven).degrees < 2 < night_test(even).degrees


def test_nights_that_all_say_the_same_are_certain() -> None:
    interval = of_nights(np.full(9, -0.1)).interval(0.025)
    assert (interval.low, interval.high) == pytest.approx((-0.1, -0.1))
    assert of_nights(np.zeros(9)).interval(0.025).better is False
    assert of_nights(np.zeros(9)).p_worse(0.0) == 1.0


def test_the_order_of_rows_does_not_matter() -> None:
    random = np.random.default_rng(3)
    differences, nights = random.normal(size=500), random.integers(0, 10, 500)
    order = random.permutation(500)
    one = night_test(of_rows(differences, nights)).interval(0.025)
    other = night_test(of_rows(differences[order], nights[order])).interval(0.025)
    assert (one.mean, one.low, one.high) == pytest.approx((other.mean, other.low, other.high))


def test_memory_is_seen_on_many_nights_and_supposed_on_few() -> None:
    random = np.random.default_rng(5)
    long = remembering(random, 300, 0.5)[0]
    assert neighbours([of_rows(long, np.arange(300))]) == pytest.approx(0.5, abs=0.15)
    alternating = of_rows(np.array([1.0, -1.0] * 5), np.arange(10))
    assert neighbours([alternating]) == 0.3
    assert neighbours([alternating] * 9) == pytest.approx(0.1)


def test_several_differences_share_what_few_nights_say_badly() -> None:
    random = np.random.default_rng(7)
    several = [of_rows(values, np.arange(14)) for values in random.normal(size=(50, 14))]
    degrees = {test.degrees for test in night_tests(several)}
    assert len(degrees) == 1
    assert degrees.pop() > night_test(several[0]).degrees


def test_all_looks_together_spend_what_confidence_leaves() -> None:
    assert spent(0.95, 1) == pytest.approx(0.025)
    assert sum(spent(0.95, look) for look in range(1, 1000)) == pytest.approx(0.05, rel=0.01)
    assert spent(0.95, 2) < spent(0.95, 1)


def test_variances_alike_are_lent_to_each_other_and_others_are_not() -> None:
    random = np.random.default_rng(9)
    degrees = np.full(40, 13.0)
    alike = random.chisquare(13, 40) / 13
    lent, together = moderated(alike, degrees)
    assert lent.std() < 0.7 * alike.std()
    assert together == pytest.approx(2 * degrees)
    apart = alike * np.exp(random.normal(0, 3, 40))
    kept, own = moderated(apart, degrees)
    assert np.median(np.abs(np.log(kept / apart))) < 0.1
    assert own.max() < 14
    assert moderated(np.zeros(5), degrees[:5])[0].tolist() == [0.0] * 5
    assert moderated(alike[:2], degrees[:2])[0].tolist() == alike[:2].tolist()
