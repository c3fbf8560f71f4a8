"""A night beside a forecaster that knows no features, for each kind of label."""

import numpy as np
import pytest

from nightshift.modelling.forecaster import NightOutcome, forecast
from nightshift.modelling.metrics import row_losses
from nightshift.modelling.night_skill import night_skill, outcome_of
from nightshift.modelling.ranks import binary_rank, classes_rank, numbers_rank
from nightshift.partitions import following


def outcomes(values, rows=100, name="late", first="2024-01-01"):
    days = following(first, len(values))
    return {day: NightOutcome(rows, {name: value}) for day, value in zip(days, values, strict=True)}


def test_the_base_rate_is_of_the_last_28_nights_that_could_be_seen(spec):
    known = outcomes([0.9] * 10 + [0.2] * 30)
    assert spec.label.delay_days == 1
    said = forecast(spec, "2024-02-10", known)
    assert said["late"] == pytest.approx(0.2, abs=1e-3)
    assert forecast(spec, "2024-01-11", known)["late"] == pytest.approx(0.9, abs=1e-3)


def test_no_night_is_forecast_from_itself_or_from_one_whose_outcome_came_later(change, spec):
    known = outcomes([0.1, 0.9])
    at_once = change(spec, label={"delay_days": 0})
    assert forecast(at_once, "2024-01-02", known)["late"] == pytest.approx(0.1, abs=0.01)
    late = change(spec, label={"delay_days": 3})
    assert forecast(late, "2024-01-03", known) is None
    assert forecast(late, "2024-01-04", known)["late"] == pytest.approx(0.1, abs=0.01)


def test_larger_nights_count_for_more_and_what_never_came_may_come(spec):
    known = {"2024-01-01": NightOutcome(900, {"late": 0.0}), "2024-01-02": NightOutcome(99, {"late": 0.0})}
    assert forecast(spec, "2024-01-05", known)["late"] == pytest.approx(0.5 / 1000)


def test_shares_of_classes_add_up_to_one(of_kind):
    spec = of_kind("multiclass")
    known = {
        "2024-01-01": NightOutcome(10, {"on time": 1.0, "Late": 0.0, "late": 0.0}),
        "2024-01-02": NightOutcome(10, {"on time": 0.5, "Late": 0.5}),
    }
    said = forecast(spec, "2024-01-05", known)
    assert sum(said.values()) == pytest.approx(1)
    assert said["late"] == pytest.approx(1 / 3 / 21)


def test_a_number_is_that_of_the_last_same_weekday(of_kind):
    spec = of_kind("regression")
    values = [float(place) for place in range(16)]
    known = outcomes(values)
    assert forecast(spec, "2024-01-17", known) == {"late": values[9]}
    assert forecast(spec, "2024-01-05", outcomes(values[:3])) == {"late": 1.0}


def test_skill_is_what_the_forecasters_loss_is_above_the_models(spec):
    targets = np.array([1.0, 0.0, 0.0, 1.0], np.float32)
    scores = np.array([0.8, 0.1, 0.4, 0.6])
    skill = night_skill(spec, "log_loss", targets, scores, {"late": 0.25})
    gained = row_losses("log_loss", targets, np.full(4, 0.25)) - row_losses("log_loss", targets, scores)
    assert skill.skill == pytest.approx(gained.mean())
    assert skill.skill_noise == pytest.approx(gained.var() / 4)
    assert (skill.rank, skill.rows) == (1.0, 4)
    assert skill.bias == pytest.approx({"late": 0.475 - 0.5})
    assert skill.surprise == pytest.approx({"late": 0.25 - 0.5})
    assert outcome_of(spec, targets) == NightOutcome(4, {"late": 0.5})


def test_the_forecaster_itself_has_no_skill(spec):
    targets = np.array([1.0, 0.0, 0.0], np.float32)
    skill = night_skill(spec, "brier", targets, np.full(3, 0.3), {"late": 0.3})
    assert (skill.skill, skill.rank) == (0, 0.5)


def test_no_rows_or_nothing_to_compare_with_is_no_skill(spec):
    assert night_skill(spec, "log_loss", np.array([]), np.array([]), {"late": 0.3}) is None
    assert night_skill(spec, "log_loss", np.ones(2), np.ones(2), None) is None


def test_classes_have_a_bias_each_and_one_that_is_not_known_is_never_expected(of_kind):
    spec = of_kind("multiclass")
    scores = np.array([[0.7, 0.3, np.nan], [0.4, 0.6, np.nan]])
    skill = night_skill(spec, "log_loss", np.array([0.0, 1.0]), scores, {"on time": 0.5, "Late": 0.5})
    assert skill.bias == pytest.approx({"on time": 0.05, "Late": -0.05, "late": 0.0})
    assert skill.rank == 1.0


def test_a_bias_is_none_of_a_numbers_rank(of_kind):
    spec = of_kind("regression")
    random = np.random.default_rng(0)
    targets = random.normal(size=200)
    ranks = [
        night_skill(spec, "squared_error", targets, predictions, {"late": 0.0}).rank
        for predictions in (targets, targets + 5, -targets, np.zeros(200), random.permutation(targets))
    ]
    assert ranks[:4] == pytest.approx([1, 1, -1, 0])
    assert abs(ranks[4]) < 0.05


def test_noise_of_a_rank_is_what_drawing_rows_anew_shows():
    random = np.random.default_rng(0)
    drawn = []
    for _ in range(300):
        labels = (random.random(200) < 0.3).astype(float)
        drawn.append(binary_rank(labels, random.normal(size=200) + labels))
    assert np.mean([rank.noise for rank in drawn]) == pytest.approx(np.var([rank.value for rank in drawn]), rel=0.3)


def test_what_defines_no_rank_has_none():
    assert binary_rank(np.ones(3), np.arange(3.0)) is None
    assert classes_rank(np.zeros(3), np.full((3, 2), 0.5)) is None
    assert numbers_rank(np.ones(3), np.arange(3.0)) is None
    assert numbers_rank(np.ones(1), np.ones(1)) is None
