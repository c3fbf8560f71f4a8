"""The reasons of one row's score, by its version's graph: exact for few features, by drawn orders for many.

The features' parts add up to the row's score less the mean score of the background, as what a regression on few
features says by its coefficients. Nothing here depends on the clock: the number of scored rows bounds the time.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from nightshift.modelling.arrays import Booleans, Float64s
from nightshift.scoring.attribution import FedRows, Mixer, drawn
from nightshift.scoring.feeds import ArrowRows
from nightshift.scoring.graph import OnnxGraph

BACKGROUND_ROWS = 100
MOST_SCORED = 50_000
"""Mixed rows of one explanation: half a second of a forest of some hundred trees."""
FEWEST_ROUNDS = 2
"""Of all background rows: their spread is the standard error."""
FEWEST_BACKGROUND = 10


@dataclass(frozen=True)
class Reasons:
    """Of one row: what each feature adds, and the standard error of that, both (features, outputs); (outputs,) else.

    ``usual`` is the mean score of the background. Every order counts where ``is_exact``: then errors are 0.
    """

    features: tuple[str, ...]
    added: Float64s
    errors: Float64s
    score: Float64s
    usual: Float64s
    background_rows: int
    is_exact: bool


def reasons(graph: OnnxGraph, row: ArrowRows, background: ArrowRows, seed: int) -> Reasons:
    """Of one row, beside some of the rows of a background, the first ``BACKGROUND_ROWS``; the same for the same seed.

    Raises ``ModelError`` for columns that the graph cannot be fed with.
    """
    features = len(graph.features)
    few = background.slice(0, _background_rows(features))
    mixer = Mixer(
        graph,
        explained=FedRows.of(graph, row),
        background=FedRows.of(graph, few),
    )
    is_exact = few.num_rows * 2**features <= MOST_SCORED
    added, errors = _exact(mixer) if is_exact else _sampled(mixer, seed)
    return Reasons(
        features=graph.features,
        added=added,
        errors=errors,
        score=_mean_score(mixer, np.ones(features, np.bool_)),
        usual=_mean_score(mixer, np.zeros(features, np.bool_)),
        background_rows=few.num_rows,
        is_exact=is_exact,
    )


def _background_rows(features: int) -> int:
    """So many that there are rounds enough for an error."""
    of_round = 2 * (features + 1)
    affordable = MOST_SCORED // (FEWEST_ROUNDS * of_round)
    rows = max(FEWEST_BACKGROUND, affordable)
    return min(BACKGROUND_ROWS, rows)


def _mean_score(mixer: Mixer, taken: Booleans) -> Float64s:
    """With these features of the row, (features,), beside each row of the background: (outputs,)."""
    rows = mixer.background.rows
    places = np.arange(rows)
    scores = mixer.scores(np.zeros_like(places), places, np.tile(taken, (rows, 1)))
    return np.asarray(scores.mean(axis=0))


def _exact(mixer: Mixer) -> tuple[Float64s, Float64s]:
    """By every set of features (Shapley, 1953, Contributions to the Theory of Games II)."""
    features = len(mixer.graph.features)
    numbers = np.arange(2**features)
    taken: Booleans = (numbers[:, None] >> np.arange(features)) & 1 == 1
    means = np.stack([_mean_score(mixer, of_set) for of_set in taken])
    sizes = taken.sum(axis=1)
    weights = np.array([1 / (features * comb(features - 1, size)) for size in range(features)])
    added = []
    for place in range(features):
        without = numbers[~taken[:, place]]
        gains = means[without + 2**place] - means[without]
        added.append(weights[sizes[without]] @ gains)
    parts = np.stack(added)
    return parts, np.zeros_like(parts)


def _sampled(mixer: Mixer, seed: int) -> tuple[Float64s, Float64s]:
    """By orders that are drawn for each row of the background; the error is that of the drawing alone."""
    random = np.random.default_rng(seed)
    features = len(mixer.graph.features)
    rows = mixer.background.rows
    rounds = max(FEWEST_ROUNDS, MOST_SCORED // (2 * (features + 1) * rows))
    background = np.tile(np.arange(rows), rounds)
    orders = drawn(random, np.zeros_like(background), background, features)
    by_path = mixer.contributions(orders)
    by_round = by_path.reshape(rounds, rows, *by_path.shape[1:])
    variances = by_round.var(axis=0, ddof=1) / rounds
    errors = np.sqrt(variances.sum(axis=0)) / rows
    return np.asarray(by_path.mean(axis=0)), np.asarray(errors)
