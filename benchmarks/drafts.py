"""``draft.*``: what ``nightshift new`` drafts, against ten lines of default gradient boosting, on nights neither saw.

Both learn from the first four fifths of a set's nights and are judged by their loss on the last fifth: log loss for
classes, squared error for numbers. A figure is the draft's mean loss over the baseline's, so below 1 is better; its
interval resamples whole nights.
"""

import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.public_sets import PublicSet, SetsUnavailable, public_sets
from benchmarks.world import World
from nightshift import sources
from nightshift.authoring.new import NewModelRequest, new
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import row_losses
from nightshift.modelling.trainers import trainer_of
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.ingest import label_schema, with_outcomes
from nightshift.stores import Stores
from nightshift.stores.parquet import conform, schema_of

SEED = 20130401
RESAMPLES = 2_000
LEARNT = 0.8
BETTER = 0.98


def figures(world: World) -> dict[str, float]:
    """The ratio of each set with its interval, their median, and how many are better by 2 %."""
    measured: dict[str, float] = {}
    ratios = []
    try:
        for public in public_sets():
            ratio, low, high = _against_the_baseline(public)
            world.console.print(f"{public.name}: {ratio:.3f} of the baseline's loss ({low:.3f} to {high:.3f})")
            measured[f"draft.{public.name}"] = ratio
            measured[f"draft.{public.name}_low"] = low
            measured[f"draft.{public.name}_high"] = high
            ratios.append(ratio)
    except SetsUnavailable as error:
        world.console.print(f"no draft.*: {error}")
        return {}
    measured["draft.vs_baseline"] = median(ratios)
    measured["draft.better_by_2_percent"] = sum(ratio < BETTER for ratio in ratios)
    return measured


def _against_the_baseline(public: PublicSet) -> tuple[float, float, float]:
    nights = sorted(public.frame[public.night].unique())
    last_fifth = nights[round(LEARNT * len(nights)) :]
    held_out = public.frame[public.night].isin(last_fifth)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(project=Path(folder), home=Path(folder) / "home")
        spec = _drafted(public, public.frame[~held_out], settings)
        public.frame.to_parquet(settings.project / "in.parquet")
        draft = _draft_losses(spec, nights, last_fifth, settings)
    by_night = _baseline_losses(spec, public, held_out)
    return _ratio(draft, by_night)


def _drafted(public: PublicSet, frame: pd.DataFrame, settings: Settings) -> ModelSpec:
    """The spec that ``new`` writes from the nights to learn from."""
    settings.models.mkdir(parents=True)
    frame.to_parquet(settings.project / "in.parquet")
    request = NewModelRequest("drafted", "in.parquet", public.label, public.keys, public.night)
    return load_spec(Path(new(request, settings).file))


def _draft_losses(
    spec: ModelSpec,
    nights: list[Any],
    held_out: list[Any],
    settings: Settings,
) -> list[Float64s]:
    """The losses of each night held out, by a model that learnt all others as the spec says."""
    stores = Stores(settings)
    frames = {}
    targets = {}
    for night in nights:
        rows, labels = _night(spec, night.isoformat(), stores)
        frames[night] = model_inputs(spec, rows)
        targets[night] = label_type(spec).as_targets(labels)
    learnt = [night for night in nights if night not in held_out]
    frame = pd.concat([frames[night] for night in learnt], ignore_index=True)
    pipeline = trainer_of(spec).fit(spec, frame, np.concatenate([targets[night] for night in learnt]))
    losses = []
    for night in held_out:
        scores = label_type(spec).predict(pipeline, frames[night])
        losses.append(row_losses(spec.metric, targets[night], scores))
    return losses


def _night(spec: ModelSpec, night: str, stores: Stores) -> tuple[pa.Table, pa.ChunkedArray]:
    """Rows and labels in the same order, as ``ingest`` would keep them; no check drops any."""
    order = [(key, "ascending") for key in spec.keys]
    rows = conform(sources.features(spec, night, stores), schema_of(spec.columns), night)
    outcomes = with_outcomes(spec, night, sources.labels(spec, night, stores))
    labels = conform(outcomes, label_schema(spec), night).sort_by(order)
    return rows.sort_by(order), labels[spec.label.column]


def _baseline_losses(spec: ModelSpec, public: PublicSet, held_out: pd.Series) -> list[Float64s]:
    """The ten lines: every column but night, row and label; texts as numbers, all else left to scikit-learn."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.preprocessing import OrdinalEncoder

    frame = public.frame.drop(columns=[public.night, public.label, "row"], errors="ignore")
    texts = frame.select_dtypes(exclude=["number", "bool"]).columns
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    frame[texts] = encoder.fit_transform(frame[texts])
    target = _targets(spec, public.frame[public.label])
    is_number = spec.label.type == "regression"
    model = (HistGradientBoostingRegressor if is_number else HistGradientBoostingClassifier)(random_state=0)
    model.fit(frame[~held_out], target[~held_out])
    losses = []
    for _, rows in frame[held_out].groupby(public.frame[public.night]):
        scores = model.predict(rows) if is_number else model.predict_proba(rows)[:, 1]
        losses.append(row_losses(spec.metric, target[rows.index], scores))
    return losses


def _targets(spec: ModelSpec, label: pd.Series) -> Floats:
    cast = label_type(spec).cast(pa.array(label), spec.name)
    return label_type(spec).as_targets(cast)


def _ratio(draft: list[Float64s], baseline: list[Float64s]) -> tuple[float, float, float]:
    """The ratio of mean losses, with the 95 % interval of a paired bootstrap over nights."""
    of_draft = np.array([losses.sum() for losses in draft])
    of_baseline = np.array([losses.sum() for losses in baseline])
    random = np.random.default_rng(SEED)
    drawn = random.integers(0, len(of_draft), size=(RESAMPLES, len(of_draft)))
    ratios = of_draft[drawn].sum(axis=1) / of_baseline[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(of_draft.sum() / of_baseline.sum()), float(low), float(high)
