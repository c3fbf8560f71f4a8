"""Whether the same features carry the scores as on the nights that the version learnt from.

Of some rows of a night, what each feature adds to the score of the graph that scored them (``scoring/attribution.py``);
its mean size says how much the feature carries. A night's are held against the same of the reference's own nights, by
the logarithm: how far the furthest feature is from usual, in spreads of nights. The reference's nights give the limit
of that, each held against those more than a week away, so one limit serves all features.

A feature may come to carry more because its values moved, or less because it fell silent; a change of what outcomes
follow is not seen here.
"""

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from nightshift.modelling.arrays import Booleans, Float64s, Int64s
from nightshift.monitoring.matters.domain import AWAY, spread_nights
from nightshift.monitoring.matters.limits import FEWEST_NIGHTS, scarcity, upper_limit
from nightshift.monitoring.matters.record import Attributions, FeatureCarried
from nightshift.scoring.attribution import FedRows, Mixer, drawn
from nightshift.scoring.graph import OnnxGraph

NIGHT_ROWS = 100
FEWEST_ROWS = 20
BACKGROUND_ROWS = 100
MOST_SCORED = 20_000
"""Mixed rows of a night."""
SEED = 0
NEGLIGIBLE = 0.01
"""Of what the heaviest feature carries: a feature far below it cannot stray."""
SMALLEST_SPREAD = 0.05
"""Of the logarithm, from night to night: 5 % more or less is never far."""


class AttributionReference(BaseModel):
    """Of some nights of the window, by their day ordinals: what each feature carried, (nights, features), by rows.

    ``row_variances`` are those of a row's size over the square of its mean, (features,).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    features: tuple[str, ...]
    nights: tuple[int, ...]
    rows: tuple[int, ...]
    carried: tuple[tuple[float, ...], ...]
    row_variances: tuple[float, ...]


def reference_of(graph: OnnxGraph, window: pa.Table, nights: Int64s, background: pa.Table) -> AttributionReference:
    """By rows of the window, of ``nights`` (rows,), as day ordinals, through the graph that scores."""
    days = []
    sizes = []
    for day in spread_nights(np.unique(nights)):
        is_of_day = nights == day
        places = np.flatnonzero(is_of_day)
        if len(places) >= FEWEST_ROWS:
            rows = window.take(pa.array(places))
            of_night = _sizes(graph, rows, background)
            days.append(int(day))
            sizes.append(of_night)
    rows_of = [len(of_night) for of_night in sizes]
    means = [of_night.mean(axis=0) for of_night in sizes]
    carried = [tuple(mean.tolist()) for mean in means]
    return AttributionReference(
        features=graph.features,
        nights=tuple(days),
        rows=tuple(rows_of),
        carried=tuple(carried),
        row_variances=_row_variances(sizes, len(graph.features)),
    )


def attributions(
    reference: AttributionReference, graph: OnnxGraph, rows: pa.Table, background: pa.Table
) -> Attributions | None:
    """Of a night's rows; None where these, or the reference's nights, are hardly any."""
    if rows.num_rows < FEWEST_ROWS or len(reference.nights) < 2:
        return None
    known = _Known.of(reference)
    sizes = _sizes(graph, rows, background)
    carried = sizes.mean(axis=0)
    lacking = scarcity(len(sizes), np.array(reference.rows, float))
    everything: Booleans = np.ones(len(reference.nights), np.bool_)
    center, spread = known.usual(everything, lacking)
    departures = np.abs(known.scaled(carried) - center) / spread
    limit = known.limit()
    features = []
    for place in np.argsort(-departures, kind="stable"):
        around = None if limit is None else limit * spread[place]
        low = None if around is None else known.unscaled(center[place] - around)
        high = None if around is None else known.unscaled(center[place] + around)
        features.append(
            FeatureCarried(
                feature=reference.features[place],
                carried=float(carried[place]),
                usual=known.unscaled(center[place]),
                low=low,
                high=high,
                departure=float(departures[place]),
            )
        )
    above = None if limit is None else bool(departures.max() > limit)
    return Attributions(rows=len(sizes), features=features, limit=limit, above=above)


class _Known:
    """The reference's nights by the logarithm of what each feature carried."""

    def __init__(self, reference: AttributionReference, carried: Float64s) -> None:
        self._days = np.array(reference.nights)
        means = carried.mean(axis=0)
        self._floor = NEGLIGIBLE * float(means.max()) or 1.0
        self._values = self.scaled(carried)
        # A size with a floor under it varies less, in its logarithm.
        share = means / (means + self._floor)
        self._row_variances = np.array(reference.row_variances) * share**2

    @classmethod
    def of(cls, reference: AttributionReference) -> "_Known":
        return cls(reference, np.array(reference.carried))

    def scaled(self, carried: Float64s) -> Float64s:
        raised = carried + self._floor
        logarithms = np.log(raised)
        return np.asarray(logarithms)

    def unscaled(self, value: float) -> float:
        return max(float(np.exp(value)) - self._floor, 0.0)

    def usual(self, nights: Booleans, lacking: float = 0.0) -> tuple[Float64s, Float64s]:
        """Mean of these nights and the spread of one more, (features,); ``lacking`` is its scarcity of rows."""
        values = self._values[nights]
        number = len(values)
        variances = values.var(axis=0, ddof=1) * (1 + 1 / number) + lacking * self._row_variances
        return values.mean(axis=0), np.maximum(np.sqrt(variances), SMALLEST_SPREAD)

    def limit(self) -> float | None:
        """What the furthest feature of a quiet night passes as seldom as said; None of too few nights."""
        furthest = []
        for place, day in enumerate(self._days):
            is_away: Booleans = np.abs(self._days - day) > AWAY
            if is_away.sum() >= FEWEST_NIGHTS:
                center, spread = self.usual(is_away)
                furthest.append(float((np.abs(self._values[place] - center) / spread).max()))
        limit = upper_limit(np.log(np.maximum(furthest, NEGLIGIBLE)))
        return None if limit is None else float(np.exp(limit))


def _sizes(graph: OnnxGraph, rows: pa.Table, background: pa.Table) -> Float64s:
    """Of at most ``NIGHT_ROWS`` of the rows, the size of what each feature adds to a row's score, (n, features).

    Of several scores the largest counts. The same rows always give the same.
    """
    random = np.random.default_rng(SEED)
    features = len(graph.features)
    of_row = 2 * (features + 1)
    most = min(NIGHT_ROWS, max(FEWEST_ROWS, MOST_SCORED // of_row))
    draws = max(1, MOST_SCORED // (most * of_row))
    chosen = random.permutation(rows.num_rows)[:most]
    few = rows.take(pa.array(chosen))
    beside = background.slice(0, BACKGROUND_ROWS)
    explained = np.repeat(np.arange(len(chosen)), draws)
    beside_which = random.integers(beside.num_rows, size=len(explained))
    mixer = Mixer(graph, FedRows.of(graph, few), FedRows.of(graph, beside))
    added = mixer.contributions(drawn(random, explained, beside_which, features))
    by_row = added.reshape(len(chosen), draws, features, -1).mean(axis=1)
    return np.asarray(np.abs(by_row).max(axis=2))


def _row_variances(sizes: list[Float64s], features: int) -> tuple[float, ...]:
    if not sizes:
        return (0.0,) * features
    variances = np.mean([of_night.var(axis=0) for of_night in sizes], axis=0)
    means = np.mean([of_night.mean(axis=0) for of_night in sizes], axis=0)
    relative = np.divide(variances, means**2, out=np.zeros(features), where=means > 0)
    return tuple(relative.tolist())
