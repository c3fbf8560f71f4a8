"""Who wins: the recipe that surely lost less; chance alone changes nothing, and the reason is in words."""

import numpy as np
import pytest

from nightshift.modelling.plots.search import search_figures
from nightshift.stores.searches import SearchRecord, TrialRecord
from nightshift.training.search.page import search_page
from nightshift.training.search.winner import CHANGED_BY_CHANCE, winner

SEARCHES = 200
NIGHTS = [f"2024-01-{day:02}" for day in range(1, 15)]
ROWS = dict.fromkeys(NIGHTS, 100)


def trial(number: int, of_nights: np.ndarray | None, **facts: object) -> TrialRecord:
    by_night = {} if of_nights is None else dict(zip(NIGHTS, of_nights.tolist(), strict=True))
    return TrialRecord.model_validate({
        "study": "ab",
        "number": number,
        "candidate": min(number, 1),
        "values": {"C": 0.1 * number} if number else {},
        "state": "finished" if of_nights is not None else "refused",
        "losses": [] if of_nights is None else [float(of_nights.mean())],
        "night_losses": by_night,
        "seconds": 1.0,
        **facts,
    })


def test_what_is_better_on_every_night_wins() -> None:
    own = np.random.default_rng(0).normal(0.6, 0.1, len(NIGHTS))
    won = winner([trial(0, own), trial(1, own - 0.01), trial(2, own + 0.02)], ROWS)
    assert won.number == 1
    assert "0.01 less than model.yaml's own" in won.reason


@pytest.mark.parametrize("tried", [1, 20])
def test_equal_recipes_seldom_take_over(tried: int) -> None:
    """In at most a tenth of searches, however many are tried."""
    random = np.random.default_rng(5)
    taken = 0
    for _ in range(SEARCHES):
        night = random.normal(0.6, 0.1, len(NIGHTS))
        trials = [trial(number, night + random.normal(0, 0.01, len(NIGHTS))) for number in range(tried + 1)]
        won = winner(trials, ROWS)
        taken += won.number > 0
    # Three standard deviations of so many searches.
    promised = CHANGED_BY_CHANCE * SEARCHES
    assert 0 < taken < promised + 3 * np.sqrt(promised * (1 - CHANGED_BY_CHANCE))


@pytest.mark.parametrize(("gain", "is_seen"), [(0.002, 0.0), (0.02, 1.0)])
def test_a_gain_is_seen_that_is_large_for_what_nights_say(gain: float, is_seen: float) -> None:
    random = np.random.default_rng(6)
    taken = 0
    for _ in range(SEARCHES):
        night = random.normal(0.6, 0.1, len(NIGHTS))
        equal = [trial(number, night + random.normal(0, 0.01, len(NIGHTS))) for number in range(10)]
        better = trial(10, night - gain + random.normal(0, 0.01, len(NIGHTS)))
        taken += winner([*equal, better], ROWS).number > 0
    assert taken / SEARCHES == pytest.approx(is_seen, abs=0.15)


def test_large_nights_count_for_more() -> None:
    own = np.full(len(NIGHTS), 0.5)
    other = own + 0.01
    other[:7] = 0.3
    by_size = {night: 10_000 if place < 7 else 10 for place, night in enumerate(NIGHTS)}
    trials = [trial(0, own, losses=[0.5]), trial(1, other, losses=[0.31])]
    assert "0.2 less" in winner(trials, by_size).reason
    assert "0.095 less" in winner(trials, ROWS).reason


def test_a_recipe_of_model_yaml_that_cannot_be_trained_is_replaced_and_that_is_said() -> None:
    won = winner([trial(0, None, why="diverges"), trial(1, np.full(len(NIGHTS), 0.4))], ROWS)
    assert won.number == 1
    assert "model.yaml's own was refused: diverges" in won.reason
    assert winner([trial(0, None), trial(1, None)], ROWS).number == 0
    assert winner([], ROWS).number == 0


def test_the_page_and_the_figures_show_every_trial() -> None:
    own = np.full(len(NIGHTS), 0.5)
    pruned = trial(3, None, state="pruned", losses=[0.7])
    trials = [trial(0, own), trial(1, own - 0.01), trial(2, None, why="a | b\nand more"), pruned]
    record = SearchRecord(
        model="m",
        study="ab",
        snapshot_md5="cd.dir",
        metric="log_loss",
        night_rows=ROWS,
        candidates=[{"trainer": "logistic_regression"}],
        trials=trials,
        winner=1,
        trainer="logistic_regression",
        parameters={"C": 0.1},
        reason="less",
        ended="all 4 trials",
    )
    page = search_page(record)
    assert "trial 1, logistic_regression" in page
    assert r"refused: a \| b |" in page
    assert page.count("\n| ") == 5
    assert set(search_figures(record)) == {"search", "search_parameters"}
    assert search_figures(record.model_copy(update={"trials": []})) == {}
