"""Maps learnt from rows that a fit did not see, and how they turned out."""

import logging
from typing import NamedTuple

import numpy as np

from nightshift.modelling.arrays import Float64s, Floats, Places
from nightshift.spec.label import CalibrationMethod
from nightshift.training.calibration.maps import (
    SMALLEST,
    Calibration,
    Isotonic,
    Platt,
    ScoreMap,
    log_odds,
    probabilities,
)

log = logging.getLogger("nightshift")
FEWEST_OUTCOMES = 5
"""Of either outcome: with fewer nothing is learnt, and scores stay as they are."""
ISOTONIC_ROWS = 1_000
"""Of fewer rows isotonic regression learns their chance (Niculescu-Mizil and Caruana, ICML 2005): Platt is taken."""
MOST_PARTS = 40
PART_ROWS = 100
SLOPES = (0.1, 5.0)
STEEPEST = 60.0
"""What a score is off in float32, a map must not make more than this many times as much of."""
STEEPEST_BETWEEN_KNOTS = 60.0
STEPS = 1000
MOST_TIED = 0.04
"""Of the rows with either outcome so many may be flat: of pairs of both, less than two in a thousand."""
END = 0.01
"""So much of what is left to 0 and 1 the outermost lines go: two scores shall not become one."""
SAME: ScoreMap = Platt(slope=1.0, shift=0.0, highest=1 - SMALLEST)


class Parts(NamedTuple):
    """Rows in parts of neighbouring scores, (p,): their number, mean score and share of outcomes."""

    rows: Float64s
    scores: Float64s
    shares: Float64s


class Pool(NamedTuple):
    """One of them."""

    rows: float
    score: float
    share: float


def calibration_of(
    method: CalibrationMethod,
    outcomes: Floats,
    scores: Floats,
    *,
    sums_to_one: bool = False,
) -> Calibration:
    """The maps of scores (n,) or (n, k), by outcomes (n, k) in {0, 1}."""
    by_score = scores.reshape(len(scores), -1).astype(np.float64)
    maps = []
    for outcome, score in zip(outcomes.T, by_score.T, strict=True):
        maps.append(_learnt(method, outcome.astype(np.float64), score))
    return Calibration(tuple(maps), sums_to_one)


def _learnt(method: CalibrationMethod, outcomes: Float64s, scores: Float64s) -> ScoreMap:
    positives = outcomes.sum()
    if min(positives, len(outcomes) - positives) < FEWEST_OUTCOMES:
        return SAME
    if method == "isotonic" and len(outcomes) >= ISOTONIC_ROWS:
        return isotonic(outcomes, scores)
    line = platt(outcomes, scores)
    if _ties_many(line, outcomes, scores):
        log.warning(
            "scores stay as they are: a calibration of slope %.3g and shift %.3g would make those above %.7f one",
            line.slope,
            line.shift,
            line.highest,
        )
        return SAME
    return line


def platt(outcomes: Float64s, scores: Float64s) -> Platt:
    """The likeliest line, with his two pseudo-outcomes: a few rows without any do not make it impossible."""
    from scipy.optimize import minimize

    odds = log_odds(scores, 1 - SMALLEST)
    targets = _with_pseudo_outcomes(outcomes)

    def loss(line: Float64s) -> tuple[float, Float64s]:
        slope, shift = line
        moved = slope * odds + shift
        of_rows = np.logaddexp(0.0, moved)
        of_rows -= targets * moved
        excess = probabilities(moved) - targets
        by_slope = excess * odds
        gradient = [by_slope.mean(), excess.mean()]
        return float(of_rows.mean()), np.array(gradient)

    fitted = minimize(
        loss,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[SLOPES, (None, None)],
    )
    slope, shift = map(float, fitted.x)
    return Platt(
        slope=slope,
        shift=shift,
        highest=_highest(slope, shift),
    )


def _with_pseudo_outcomes(outcomes: Float64s) -> Float64s:
    """As if one more row had each outcome."""
    positives = outcomes.sum()
    negatives = len(outcomes) - positives
    yes = (positives + 1) / (positives + 2)
    no = 1 / (negatives + 2)
    targets = np.where(
        outcomes == 1,
        yes,
        no,
    )
    return np.asarray(targets)


def _highest(slope: float, shift: float) -> float:
    """From here on the line would be steeper than float32 tells scores apart."""
    against = np.geomspace(0.5, SMALLEST, STEPS)
    odds = np.log1p(-against) - np.log(against)
    mapped = probabilities(slope * odds + shift)
    # A score's error is in proportion to it, and what the logarithm makes of that to what is left to 1.
    steepness = slope * mapped * (1 - mapped) / against
    is_steep = steepness > STEEPEST
    if not is_steep.any():
        return 1 - SMALLEST
    first = max(1, int(np.argmax(is_steep)))
    return 1 - float(against[first - 1])


def _ties_many(line: Platt, outcomes: Float64s, scores: Float64s) -> bool:
    """Whether it makes one of too many scores that differ."""
    is_flat = scores > max(line.highest, SMALLEST)
    if line.highest >= 1 - SMALLEST or not is_flat.any():
        return False
    of_yes = is_flat[outcomes == 1].mean()
    of_no = is_flat[outcomes == 0].mean()
    return bool(max(of_yes, of_no) > MOST_TIED)


def isotonic(outcomes: Float64s, scores: Float64s) -> Isotonic:
    """Shares of parts made to rise (pool adjacent violators; Barlow et al., 1972), each at the centre of its pool.

    Between the centres are lines, so that scores that differ go on to do so (centred isotonic regression; Oron and
    Flournoy, Statistics in Biopharmaceutical Research 9(3), 2017).
    """
    from scipy.optimize import isotonic_regression

    parts = _parts(outcomes, scores)
    fitted = isotonic_regression(parts.shares, weights=parts.rows)
    pools = _pooled(parts, fitted.blocks)
    return _knots(_flattened(pools))


def _parts(outcomes: Float64s, scores: Float64s) -> Parts:
    """Neighbours by score, each part with as many rows, and as much that is uncertain, as another.

    Of a rare outcome nearly all is uncertain in a few rows, and they must not be one part.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    likely = platt(outcomes, scores)
    place = _places(likely(ranked))
    rows = np.bincount(place)
    hits = np.bincount(
        place,
        weights=outcomes[order],
    )
    total = np.bincount(
        place,
        weights=ranked,
    )
    # One row of what is usual: a part without an outcome does not make it impossible.
    hits += outcomes.mean()
    return Parts(
        rows=rows.astype(np.float64),
        scores=total / rows,
        shares=hits / (rows + 1),
    )


def _places(ranked: Float64s) -> Places:
    """The part of each row, (n,), by its probability, as far as a line says it; they rise, and no part is empty."""
    number = max(2, min(MOST_PARTS, len(ranked) // PART_ROWS))
    uncertain = ranked * (1 - ranked) + SMALLEST
    by_rows = np.arange(1, len(ranked) + 1) / len(ranked)
    by_doubt = np.cumsum(uncertain) / uncertain.sum()
    spent = (by_rows + by_doubt) / 2
    parts = np.ceil(spent * number)
    _, place = np.unique(
        parts,
        return_inverse=True,
    )
    return place


def _pooled(parts: Parts, starts: Floats) -> Parts:
    """One for each block of a fit, which begin at these places, and at the end of the last."""
    firsts = starts[:-1].astype(np.int64)
    of_scores = parts.rows * parts.scores
    of_shares = parts.rows * parts.shares
    rows = np.add.reduceat(parts.rows, firsts)
    scores = np.add.reduceat(of_scores, firsts)
    shares = np.add.reduceat(of_shares, firsts)
    return Parts(
        rows=rows,
        scores=scores / rows,
        shares=shares / rows,
    )


def _flattened(pools: Parts) -> Parts:
    """Neighbours between which the line would be too steep are one."""
    kept: list[Pool] = []
    for numbers in zip(*pools, strict=True):
        pool = Pool(*numbers)
        while kept and _is_steep(kept[-1], pool):
            before = kept.pop()
            pool = _together(before, pool)
        kept.append(pool)
    rows, scores, shares = np.transpose(kept)
    return Parts(rows, scores, shares)


def _is_steep(one: Pool, other: Pool) -> bool:
    """A small score is small in its error, too."""
    rise = other.share - one.share
    width = other.score - one.score
    return rise * other.score > STEEPEST_BETWEEN_KNOTS * width


def _together(one: Pool, other: Pool) -> Pool:
    rows = one.rows + other.rows
    of_one = one.rows / rows
    of_other = 1 - of_one
    return Pool(
        rows=rows,
        score=of_one * one.score + of_other * other.score,
        share=of_one * one.share + of_other * other.share,
    )


def _knots(pools: Parts) -> Isotonic:
    """With ends at 0 and 1; as float32, in which a graph has them."""
    lowest = pools.shares[0]
    highest = pools.shares[-1]
    first = lowest - END * lowest
    last = highest + END * (1 - highest)
    scores = [0.0, *pools.scores, 1.0]
    shares = [first, *pools.shares, last]
    in_graph = np.array(scores, np.float32)
    known, places = np.unique(
        in_graph,
        return_index=True,
    )
    shares_in_graph = np.array(shares, np.float32)[places]
    return Isotonic(
        scores=known.astype(np.float64),
        shares=shares_in_graph.astype(np.float64),
    )
