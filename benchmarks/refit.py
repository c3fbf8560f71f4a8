"""``training.*``: what it is worth to fit a recipe on the whole window, and what folds and twins cost.

The flights of 2013. Each training sees 90 nights; the twin is fitted on all but the last fortnight, the refit on all,
and both are judged by the fortnight that begins when the outcomes of the window are in. A gain below 0 is a refit
that is better; its interval resamples whole nights. The ratio of times is of one process and one training, with the
spec as it is: today's two folds, a twin and a refit over the single fit and search of before.

    python -m benchmarks.refit [TRAININGS]
"""

import datetime as dt
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.world import MODEL, PROJECT, World
from nightshift.modelling.arrays import Float64s, Int64s
from nightshift.modelling.folds import folds_of
from nightshift.modelling.holdout import Split, split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import row_losses
from nightshift.optimization.recipe_graphs import FittedFold, recipe_graphs
from nightshift.optimization.search import search
from nightshift.spec import ModelSpec, find_spec
from nightshift.stores.parquet import conform, schema_of
from nightshift.training.recipe import fit

SEED = 20130401
RESAMPLES = 2_000
TRAININGS = 20
FIRST_END = dt.date(2013, 4, 1)
JUDGED_NIGHTS = 14


def figures(_: World) -> dict[str, float]:
    """The gain over a few trainings, and the ratio of times of one."""
    spec = find_spec(PROJECT / "models", MODEL)
    return {**gain(spec, TRAININGS), **cost(spec)}


def gain(spec: ModelSpec, trainings: int) -> dict[str, float]:
    """Log loss of the refit less that of the twin, on nights that neither saw, over trainings spread over the year."""
    room = (dt.date(2013, 12, 31) - FIRST_END).days - JUDGED_NIGHTS - spec.label.delay_days
    apart = room // max(1, trainings - 1)
    differences = []
    nights = []
    for number in range(trainings):
        last = FIRST_END + dt.timedelta(number * apart)
        of_rows, of_nights = _difference(spec, last)
        differences.append(of_rows)
        nights.append(of_nights)
        print(f"window through {last}: refit {of_rows.mean():+.4f}", flush=True)
    lost = np.concatenate(differences)
    low, high = _interval(lost, np.concatenate(nights))
    better = sum(float(of_rows.mean()) < 0 for of_rows in differences)
    return {
        "training.refit_gain": float(lost.mean()),
        "training.refit_gain_low": low,
        "training.refit_gain_high": high,
        "training.refit_better": better / trainings,
        "training.refit_trainings": float(trainings),
    }


def _difference(spec: ModelSpec, last: dt.date) -> tuple[Float64s, Int64s]:
    """By row of the nights after a window: what the refit's loss is above the twin's; and the nights."""
    rows = split(spec, _table(spec, last, spec.training.window_days))
    later_end = last + dt.timedelta(spec.label.delay_days + JUDGED_NIGHTS)
    later = split(spec, _table(spec, later_end, JUDGED_NIGHTS + 1)).labelled
    later = later.only(later.nights > _ordinal(last) + spec.label.delay_days)
    twin = fit(spec, folds_of(spec, rows)[-1].train)
    refit = fit(spec, rows.labelled)
    frame = model_inputs(spec, later.table)
    losses = [
        row_losses(spec.metric, later.labels, label_type(spec).predict(pipeline, frame)) for pipeline in (refit, twin)
    ]
    return losses[0] - losses[1], later.nights


def cost(spec: ModelSpec) -> dict[str, float]:
    """Seconds to fit and to search, as before and now, by turns in this process."""
    rows = split(spec, _table(spec, FIRST_END, spec.training.window_days))
    before = _seconds(lambda: _as_before(spec, rows))
    now = _seconds(lambda: _as_now(spec, rows))
    before += _seconds(lambda: _as_before(spec, rows))
    now += _seconds(lambda: _as_now(spec, rows))
    return {
        "training.fits_seconds": now / 2,
        "training.fits_ratio": now / before,
    }


def _as_before(spec: ModelSpec, rows: Split) -> None:
    pipeline = fit(spec, rows.train)
    search(spec, pipeline, rows)


def _as_now(spec: ModelSpec, rows: Split) -> None:
    fitted = [FittedFold(fold, fit(spec, fold.train)) for fold in folds_of(spec, rows)]
    refit = fit(spec, rows.labelled)
    recipe_graphs(spec, fitted, refit, rows)


def _seconds(do: Any) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _interval(lost: Float64s, nights: Int64s) -> tuple[float, float]:
    _, place = np.unique(nights, return_inverse=True)
    sums = np.bincount(place, weights=lost)
    rows = np.bincount(place)
    drawn = np.random.default_rng(SEED).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / rows[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _table(spec: ModelSpec, last: dt.date, days: int) -> pa.Table:
    """Labelled rows of the nights through ``last``, as a snapshot has them."""
    return pa.concat_tables(nights_through(spec, last, days))


def nights_through(spec: ModelSpec, last: dt.date, days: int) -> Iterator[pa.Table]:
    source = _source()
    schema = schema_of(spec.columns)
    column = spec.label.column
    for back in reversed(range(days)):
        night = last - dt.timedelta(back)
        features = source.features(night)
        labels = source.labels(night).set_index(list(spec.keys))[column]
        table = conform(features, schema, str(night))
        late = labels.reindex(features.set_index(list(spec.keys)).index).to_numpy(dtype="float32", na_value=np.nan)
        table = table.append_column(column, pa.array(late, pa.float32(), from_pandas=True))
        yield table.append_column(spec.partition.column, pa.array([night.isoformat()] * table.num_rows))


def _source() -> Any:
    """The module beside the flights' model.yaml."""
    import importlib.util

    file = PROJECT / "models" / MODEL / "source.py"
    made = importlib.util.spec_from_file_location("flights_source", file)
    module = importlib.util.module_from_spec(made)
    sys.modules["flights_source"] = module
    made.loader.exec_module(module)
    return module


def _ordinal(day: dt.date) -> int:
    return (day - dt.date(1970, 1, 1)).days


if __name__ == "__main__":
    flights = find_spec(PROJECT / "models", MODEL)
    asked = int(sys.argv[1]) if len(sys.argv) > 1 else TRAININGS
    print(gain(flights, asked))
    print(cost(flights))
