"""The same for classes and numbers: a model that knows nothing is lost, one that is off is, a healthy one is not."""

import numpy as np
import pytest

from nightshift.modelling.forecaster import forecast
from nightshift.modelling.night_skill import night_skill, outcome_of
from nightshift.monitoring.skill import pooled_skill
from nightshift.partitions import following

ROWS = 300
JUDGED = 28
DAYS = following("2024-01-01", 28 + JUDGED + 14)


def of_classes(random, model):
    """Outcomes by odds of which the night moves one; scores, and what a model says in their place."""
    odds = random.normal(size=(ROWS, 3)) * (1 + 0.2 * random.normal()) + [1.0, 0.0, 0.5 * random.normal()]
    chances = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    outcomes = (chances.cumsum(axis=1) < random.random((ROWS, 1))).sum(axis=1).clip(0, 2)
    shares = np.array([0.55, 0.23, 0.22])
    said = {
        "healthy": chances,
        "dead": np.tile(shares, (ROWS, 1)),
        "permuted": random.permutation(chances),
        "off": 0.7 * chances + 0.3 * np.array([0.0, 0.0, 1.0]),
    }
    return outcomes.astype(np.float64), said[model]


def of_numbers(random, model):
    known = random.normal(100, 10, size=ROWS)
    outcomes = known + random.normal(3, 1) * random.normal(size=ROWS) + 4 * random.normal()
    said = {
        "healthy": known,
        "dead": np.full(ROWS, 100.0),
        "permuted": random.permutation(known),
        "off": known + 8,
    }
    return outcomes, said[model]


def lost(spec, draw, model, seed):
    """Whether it is, as of each later night."""
    random = np.random.default_rng(seed)
    known, skills = {}, []
    for place, day in enumerate(DAYS):
        outcomes, scores = draw(random, model if place >= 28 + JUDGED else "healthy")
        skills.append(night_skill(spec, spec.metric, outcomes, scores, forecast(spec, day, known)))
        known[day] = outcome_of(spec, outcomes)
    reference, later = skills[28 : 28 + JUDGED], skills[28 + JUDGED :]
    return [pooled_skill(reference, DAYS[:n], later[:n], 0.01).lost for n in range(1, len(later) + 1)]


@pytest.mark.parametrize(("kind", "draw"), [("multiclass", of_classes), ("regression", of_numbers)])
@pytest.mark.parametrize("seed", range(2))
def test_what_a_model_is_worth_is_seen_within_a_week(of_kind, kind, draw, seed):
    spec = of_kind(kind)
    assert not any(lost(spec, draw, "healthy", seed))
    for model in ("dead", "permuted", "off"):
        assert any(lost(spec, draw, model, seed)[:7])
