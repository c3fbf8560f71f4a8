"""``draft.*``: what ``nightshift new`` drafts, against ten lines of default gradient boosting, on nights neither saw.

Both learn from the first four fifths of a set's nights and are judged by their loss on the last fifth: log loss for
classes, squared error for numbers. A figure is the draft's mean loss over the baseline's, so below 1 is better; its
interval resamples whole nights. ``python -m benchmarks.drafts`` shows the development sets instead and writes nothing.
"""

import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pyarrow as pa
from rich.console import Console

from benchmarks.public_sets import SetsUnavailable, development_sets, named_sets
from benchmarks.set import PublicSet
from benchmarks.world import World
from nightshift import sources
from nightshift.authoring.new import NewModelRequest, new
from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import row_losses
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.ingest import label_schema, with_outcomes
from nightshift.stores import Stores
from nightshift.stores.parquet import conform, schema_of
from nightshift.training.trainers import trainer_of
from nightshift.training.training_rows import TrainingRows

SEED = 20130401
RESAMPLES = 2_000
LEARNT = 0.8
BETTER = 0.98


class WithInterval(Protocol):
    """A ratio of mean losses with its interval."""

    @property
    def ratio(self) -> float: ...

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


@dataclass(frozen=True)
class Comparison:
    """The draft's mean loss over the baseline's, with its interval, and the seconds that either needed to learn."""

    ratio: float
    low: float
    high: float
    draft_seconds: float
    baseline_seconds: float


def figures(world: World) -> dict[str, float]:
    """The ratio of each named set with its interval, their median, and how many are better by 2 %."""
    try:
        compared = compare(named_sets(), world.console)
    except SetsUnavailable as error:
        world.console.print(f"no draft.*: {error}")
        return {}
    measured = figures_of("draft", compared)
    comparisons = compared.values()
    learning = sum(comparison.draft_seconds for comparison in comparisons)
    measured["draft.vs_baseline"] = median(comparison.ratio for comparison in comparisons)
    measured["draft.worst_low"] = max(comparison.low for comparison in comparisons)
    measured["draft.better_by_2_percent"] = sum(comparison.ratio < BETTER for comparison in comparisons)
    measured["draft.learning_vs_baseline"] = learning / sum(each.baseline_seconds for each in comparisons)
    return measured


def figures_of(group: str, compared: Mapping[str, WithInterval]) -> dict[str, float]:
    """The ratio of each set, by its name, with its interval."""
    measured: dict[str, float] = {}
    for name, comparison in compared.items():
        measured[f"{group}.{name}"] = comparison.ratio
        measured[f"{group}.{name}_low"] = comparison.low
        measured[f"{group}.{name}_high"] = comparison.high
    return measured


def compare(sets: Iterable[PublicSet], console: Console) -> dict[str, Comparison]:
    """Each set by its name. Raises ``SetsUnavailable``."""
    compared = {}
    for public in sets:
        comparison = _against_the_baseline(public)
        interval = f"{comparison.low:.3f} to {comparison.high:.3f}"
        seconds = f"{comparison.draft_seconds:.1f} s beside {comparison.baseline_seconds:.1f} s"
        console.print(f"{public.name}: {comparison.ratio:.3f} of the baseline's loss ({interval}), {seconds}")
        compared[public.name] = comparison
    return compared


def _against_the_baseline(public: PublicSet) -> Comparison:
    nights = sorted(public.frame[public.night].unique())
    last_fifth = nights[round(LEARNT * len(nights)) :]
    held_out = public.frame[public.night].isin(last_fifth)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(project=Path(folder), home=Path(folder) / "home")
        spec = drafted(public, public.frame[~held_out], settings)
        public.frame.to_parquet(settings.project / "in.parquet")
        draft, draft_seconds = _draft_losses(spec, nights, last_fifth, settings)
    by_night, baseline_seconds = _baseline_losses(spec, public, held_out)
    ratio, low, high = ratio_of(draft, by_night)
    return Comparison(ratio, low, high, draft_seconds, baseline_seconds)


def drafted(public: PublicSet, frame: pd.DataFrame, settings: Settings) -> ModelSpec:
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
) -> tuple[list[Float64s], float]:
    """The losses of each night held out, by a model that learnt all others as the spec says, and in which time."""
    stores = Stores(settings)
    frames = {}
    targets = {}
    for night in nights:
        rows, labels = rows_of(spec, night.isoformat(), stores)
        frames[night] = model_inputs(spec, rows)
        targets[night] = label_type(spec).as_targets(labels)
    learnt = [night for night in nights if night not in held_out]
    frame = pd.concat([frames[night] for night in learnt], ignore_index=True)
    rows = TrainingRows(
        frame=frame,
        targets=np.concatenate([targets[night] for night in learnt]),
        nights=np.concatenate([np.full(len(targets[night]), place) for place, night in enumerate(learnt)]),
    )
    started = time.perf_counter()
    pipeline = trainer_of(spec).fit(spec, rows)
    seconds = time.perf_counter() - started
    losses = []
    for night in held_out:
        scores = label_type(spec).predict(pipeline, frames[night])
        losses.append(row_losses(spec.metric, targets[night], scores))
    return losses, seconds


def rows_of(spec: ModelSpec, night: str, stores: Stores) -> tuple[pa.Table, pa.ChunkedArray]:
    """Rows and labels in the same order, as ``ingest`` would keep them; no check drops any."""
    order = [(key, "ascending") for key in spec.keys]
    rows = conform(sources.features(spec, night, stores), schema_of(spec.columns), night)
    outcomes = with_outcomes(spec, night, sources.labels(spec, night, stores))
    labels = conform(outcomes, label_schema(spec), night).sort_by(order)
    return rows.sort_by(order), labels[spec.label.column]


def _baseline_losses(spec: ModelSpec, public: PublicSet, held_out: pd.Series) -> tuple[list[Float64s], float]:
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
    started = time.perf_counter()
    model.fit(frame[~held_out], target[~held_out])
    seconds = time.perf_counter() - started
    losses = []
    for _, rows in frame[held_out].groupby(public.frame[public.night]):
        scores = model.predict(rows) if is_number else _probabilities(model.predict_proba(rows))
        losses.append(row_losses(spec.metric, target[rows.index], scores))
    return losses, seconds


def _probabilities(of_classes: Float64s) -> Float64s:
    """As ``row_losses`` takes them: of two classes, that of the second alone."""
    return of_classes[:, 1] if of_classes.shape[1] == 2 else of_classes


def _targets(spec: ModelSpec, label: pd.Series) -> Floats:
    cast = label_type(spec).cast(pa.array(label), spec.name)
    return label_type(spec).as_targets(cast)


def ratio_of(draft: list[Float64s], baseline: list[Float64s]) -> tuple[float, float, float]:
    """The ratio of mean losses, with the 95 % interval of a paired bootstrap over nights."""
    of_draft = np.array([losses.sum() for losses in draft])
    of_baseline = np.array([losses.sum() for losses in baseline])
    random = np.random.default_rng(SEED)
    drawn = random.integers(0, len(of_draft), size=(RESAMPLES, len(of_draft)))
    ratios = of_draft[drawn].sum(axis=1) / of_baseline[drawn].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return float(of_draft.sum() / of_baseline.sum()), float(low), float(high)


if __name__ == "__main__":
    compare(development_sets(), Console())
