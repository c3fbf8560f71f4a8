"""Models whose truth is known: what they are worth is what is said of them, and no threshold moves unseen."""

from collections.abc import Callable

import numpy as np
import pytest

from nightshift.modelling.forecaster import forecast
from nightshift.modelling.night_skill import NightSkill, night_skill, outcome_of
from nightshift.monitoring.limit import loss_limit
from nightshift.monitoring.skill import MIN_NIGHTS, SHOWN_NIGHTS, PooledSkill, pooled_skill
from nightshift.partitions import following
from nightshift.profiles.profile import HoldoutNight
from nightshift.spec import ModelSpec

ROWS = 400
JUDGED = 28
DAYS = following("2024-01-01", 28 + JUDGED + 14)
Model = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def healthy(scores, _):
    return scores


def constant(scores, _):
    return np.full_like(scores, 0.27)


def permuted(scores, random):
    return random.permutation(scores)


def half(scores, _):
    return np.full_like(scores, 0.5)


def too_high(scores, _):
    return np.minimum(scores + 0.25, 1.0)


def too_low(scores, _):
    return np.maximum(scores - 0.25, 0.0)


def upside_down(scores, _):
    return 1 - scores


def probability(odds):
    return 1 / (1 + np.exp(-odds))


def nights_of(spec: ModelSpec, seed: int, later: Model, hard: frozenset[int] = frozenset()) -> list[HoldoutNight]:
    """Judged nights of a healthy model, then 14 of another; the ``hard`` ones of these nobody saw coming."""
    random = np.random.default_rng(seed)
    known, nights = {}, []
    for place, day in enumerate(DAYS):
        is_later = place >= 28 + JUDGED
        storm = 2.5 if place - 28 - JUDGED in hard else 0.0
        features = random.normal(size=ROWS)
        clearness, hardness = random.normal(size=2)
        odds = features * (0.7 + 0.2 * clearness) - 1.2 + 0.5 * hardness + storm
        outcomes = (random.random(ROWS) < probability(odds)).astype(np.float32)
        scores = (later if is_later else healthy)(probability(features * 0.7 - 1.2), random)
        skill = night_skill(spec, "log_loss", outcomes, scores, forecast(spec, day, known))
        losses = -np.log(np.where(outcomes == 1, scores, 1 - scores).clip(1e-7))
        nights.append(HoldoutNight(night=day, rows=ROWS, loss=losses.mean(), variance=losses.var(), skill=skill))
        known[day] = outcome_of(spec, outcomes)
    return nights[28:]


def verdicts(nights: list[HoldoutNight], rate: float = 0.01, judged: int = JUDGED) -> list[PooledSkill]:
    reference, later = nights[:JUDGED][-judged:], nights[JUDGED:]
    skills = [night.skill for night in later]
    names = [night.night for night in later]
    return [
        pooled_skill([night.skill for night in reference], names[: last + 1], skills[: last + 1], rate)
        for last in range(len(later))
    ]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("model", "by"), [(constant, 8), (permuted, 8), (half, 4), (too_high, 4), (too_low, 4), (upside_down, 2)]
)
def test_a_model_that_knows_nothing_or_is_off_is_lost_within_a_fortnight(spec, model, by, seed):
    pooled = verdicts(nights_of(spec, seed, model))
    assert any(verdict.lost for verdict in pooled[:by])


@pytest.mark.parametrize("seed", range(6))
def test_a_healthy_model_is_not_lost(spec, seed):
    assert not any(verdict.lost for verdict in verdicts(nights_of(spec, seed, healthy)))


@pytest.mark.parametrize("seed", range(4))
def test_a_night_that_is_hard_for_everybody_is_not_lost(spec, seed):
    """Its loss is far above the limit of one night, which is what alarmed before."""
    nights = nights_of(spec, seed, healthy, hard=frozenset({4}))
    storm = nights[JUDGED + 4]
    assert storm.loss > loss_limit(nights[14:JUDGED], ROWS, 0.01)
    assert not any(verdict.lost for verdict in verdicts(nights))


def test_a_dead_model_was_never_lost_by_the_limit_of_one_night(spec):
    nights = nights_of(spec, 0, constant)
    assert all(night.loss < loss_limit(nights[14:JUDGED], ROWS, 0.01) for night in nights[JUDGED:])


def test_what_says_most_is_named_with_what_was_usual(spec):
    last = verdicts(nights_of(spec, 0, permuted))[-1]
    assert last.worst == "rank"
    assert last.values["rank"] == pytest.approx(0.5, abs=0.03)
    assert last.usual["rank"] > 0.65
    assert abs(last.values["bias"]) < 0.1
    assert last.nights == tuple(DAYS[-SHOWN_NIGHTS:])


def test_so_few_judged_nights_promise_nothing_and_say_so(spec):
    nights = nights_of(spec, 0, upside_down)
    for verdict in verdicts(nights, judged=MIN_NIGHTS - 1):
        assert verdict.lost is None
        assert verdict.cannot == "6 judged nights with a skill say too little of others, 7 are needed"
    assert verdicts(nights, judged=MIN_NIGHTS)[-1].lost


def made_up(skills, ranks, biases, rows=10_000, noise=0.0) -> list[NightSkill]:
    return [
        NightSkill(
            rows=rows, skill=skill, skill_noise=noise, rank=rank, rank_noise=noise, forecast={"late": 0.3},
            outcome={"late": 0.3}, score={"late": 0.3 + bias}, bias_noise={"late": noise},
        )
        for skill, rank, bias in zip(skills, ranks, biases, strict=True)
    ]  # fmt: skip


def drawn(random, nights, worse=0.0, **others) -> list[NightSkill]:
    skills, ranks, biases = random.normal(size=(3, nights))
    return made_up(0.05 - 0.03 * (skills + worse), 0.7 - 0.05 * (ranks + worse), 0.05 * biases, **others)


def test_the_threshold_is_where_it_was(spec):
    """Evidence and what is needed are pinned: a change of either shows here first."""
    random = np.random.default_rng(7)
    reference, later = drawn(random, 28), drawn(random, 14, worse=1.0)
    pooled = [pooled_skill(reference, DAYS[: n + 1], later[: n + 1], 0.01) for n in range(14)]
    assert {verdict.needed for verdict in pooled} == {100.0}
    assert [verdict.evidence >= 100 for verdict in pooled] == [verdict.lost for verdict in pooled]
    first = [verdict.lost for verdict in pooled].index(True)
    evidence = [verdict.evidence for verdict in pooled[first - 1 : first + 1]]
    assert (first, *evidence) == pytest.approx(PINNED, rel=1e-6)


PINNED = (7, 89.886218, 225.590577)


def test_the_rate_is_the_one_that_is_asked(spec):
    nights = nights_of(spec, 1, constant)
    lost_at = [[verdict.lost for verdict in verdicts(nights, rate)].index(True) for rate in (0.2, 0.05, 0.01, 0.001)]
    assert lost_at == sorted(set(lost_at))


def test_quiet_nights_are_lost_as_seldom_as_promised():
    """One in a hundred is promised: 14 of these 100 fortnights."""
    random = np.random.default_rng(3)
    lost = 0
    for _ in range(100):
        reference, later = drawn(random, 14), drawn(random, 14)
        lost += any(pooled_skill(reference, DAYS[:n], later[:n], 0.01).lost for n in (7, 14))
    assert lost <= 14


@pytest.mark.parametrize("seed", range(3))
def test_no_night_is_lost_by_itself_alone(seed):
    """Whatever happened: a storm is over by the morning."""
    random = np.random.default_rng(seed)
    reference, (worst,) = drawn(random, 28), drawn(random, 1, worse=50.0)
    assert not pooled_skill(reference, DAYS[:1], [worst], 0.01).lost
    assert pooled_skill(reference, DAYS[:2], [worst, worst], 0.01).lost


def test_nights_of_few_rows_say_less():
    random = np.random.default_rng(5)
    reference = drawn(random, 28, noise=0.0001)
    bad = drawn(random, 7, worse=2.0, noise=0.0001)
    scarce = [night.model_copy(update={"rank_noise": 0.1, "skill_noise": 0.1}) for night in bad]
    evidence = [pooled_skill(reference, DAYS[:7], nights, 0.01).evidence for nights in (bad, scarce)]
    assert evidence[1] < 10 < 100 < evidence[0]


def test_a_night_of_one_class_says_nothing_of_rank_and_breaks_nothing():
    random = np.random.default_rng(5)
    reference, later = drawn(random, 28), drawn(random, 9, worse=2.0)
    without = [night.model_copy(update={"rank": None}) for night in later]
    assert pooled_skill(reference, DAYS[:9], without, 0.01).evidence > 0
    assert "rank" not in pooled_skill(reference, DAYS[:9], without, 0.01).values
