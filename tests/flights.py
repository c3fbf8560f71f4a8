"""Real nights of the example, scored by a small model of their own: what an end-to-end test of monitoring is about."""

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from nightshift.contracts import Dataset, Pin
from nightshift.partitions import between
from nightshift.profiles.profile import Profile, build
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.parquet import nullable, schema_of
from tests.scripts import load_script

SOURCE = load_script(Path(__file__).parents[1] / "models" / "flight_delays" / "source.py")
REFERENCE = between("2013-01-01", "2013-03-31")
FOLD = 14
SHA = "ab" * 32
Change = Callable[[pd.DataFrame], pd.DataFrame]


@cache
def tables() -> Any:
    """All flights of 2013."""
    return SOURCE.read_tables()


@cache
def flights(night: str) -> pd.DataFrame:
    """A night's flights, with their outcomes."""
    day = dt.date.fromisoformat(night)
    rows = SOURCE.features(day, tables())
    return rows.assign(late=SOURCE.labels(day, tables())["late"].to_numpy(), night=night)


@cache
def reference() -> pd.DataFrame:
    """What the model learns from."""
    return pd.concat([flights(night) for night in REFERENCE], ignore_index=True)


class Forecaster:
    """Learns whether a flight is late from the numbers of the spec; two folds are judged, as in a training."""

    def __init__(self, spec: ModelSpec) -> None:
        self._names = [name for name in spec.features if spec.columns[name].numeric]
        self._delay = spec.label.delay_days
        self._refit = self._fitted(REFERENCE)

    def _fitted(self, nights: list[str]) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        rows = reference()[reference()["night"].isin(nights)]
        known = rows["late"].notna()
        model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=12, min_samples_leaf=500, random_state=1)
        return model.fit(rows.loc[known, self._names], rows.loc[known, "late"])

    def scores(self, rows: pd.DataFrame, model: Any = None) -> np.ndarray:
        return (model or self._refit).predict_proba(rows[self._names])[:, 1]

    def profile(self, spec: ModelSpec) -> Profile:
        rows = reference()
        scores = np.full(len(rows), np.nan)
        for first in (-2 * FOLD, -FOLD):
            judged = REFERENCE[first:][:FOLD]
            model = self._fitted(REFERENCE[: first - self._delay])
            places = rows["night"].isin(judged).to_numpy()
            scores[places] = self.scores(rows[places], model)
        table = pa.Table.from_pandas(rows[list(spec.drift.features)], preserve_index=False)
        return build(spec, table, rows["night"].to_numpy(), scores, rows["late"].to_numpy(float))


class Flights:
    """A lake with a version that learnt from the first quarter, to which nights are added as they came, or changed."""

    def __init__(self, spec: ModelSpec, stores: Stores) -> None:
        self.spec = spec
        self.stores = stores
        self.pin = Pin(spec.name, "1", "r1", SHA, "k", "5f.dir", REFERENCE[-1])
        self._forecaster = Forecaster(spec)
        profile = self._forecaster.profile(spec)
        stores.lake.objects.put(layout.profile(spec.name, SHA), profile.to_json())

    def add(self, night: str, change: Change = lambda rows: rows) -> None:
        """Publish a night's rows, its scores and its outcomes."""
        rows = change(flights(night).copy())
        schema = nullable(schema_of(self.spec.columns))
        validated = pa.Table.from_pandas(rows[schema.names], schema, preserve_index=False)
        digest = self._publish(Dataset.VALIDATED, night, validated).digest
        score = self._forecaster.scores(rows).astype("float32")
        keys = validated.select(list(self.spec.keys))
        scored = keys.append_column(self.spec.predict.score, pa.array(score))
        scored = scored.append_column(self.spec.predict.prediction, pa.array(score >= self.spec.predict.threshold))
        self._publish(Dataset.PREDICTIONS, night, scored, pin=asdict(self.pin), input=digest)
        outcomes = keys.append_column(self.spec.label.column, pa.array(rows["late"], pa.float32(), from_pandas=True))
        self._publish(Dataset.LABELS, night, outcomes)

    def _publish(self, dataset: Dataset, night: str, table: pa.Table, **provenance: Any) -> Any:
        lake = self.stores.lake
        draft = lake.begin(self.spec.key(dataset, night))
        return lake.publish(draft, table, provenance=provenance)
