"""From data that Nightshift never saw to published predictions and a monitored night, as docs/your-own-data.md says."""

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.datasets import load_breast_cancer

from pipelines.spec import ModelSpec, load_spec
from pipelines.steps.evaluate import evaluate
from pipelines.steps.leaks import look
from pipelines.steps.load import load
from pipelines.steps.monitor import monitor
from pipelines.steps.new import Wish, new
from pipelines.steps.optimize import optimize
from pipelines.steps.plan import plan
from pipelines.steps.promote import promote
from pipelines.steps.publish import publish
from pipelines.steps.score import score
from pipelines.steps.snapshot import snapshot
from pipelines.steps.train import register, train
from pipelines.stores import Stores

pytestmark = pytest.mark.stack

NIGHTS = [dt.date(2024, 3, 1) + dt.timedelta(days) for days in range(12)]


def patients() -> pd.DataFrame:
    """Breast cancer, cut into nights, with strings, nulls, booleans, dates and decimals made of its columns."""
    data = load_breast_cancer(as_frame=True).frame.sample(frac=1, random_state=0).reset_index(drop=True)
    rng, count = np.random.default_rng(0), len(data)
    return data.drop(columns="target").assign(**{
        "Visit Day": [NIGHTS[place * len(NIGHTS) // count] for place in range(count)],
        "patient": [dt.date(2000, 1, 1) + dt.timedelta(place) for place in range(count)],
        "part": [Decimal(place % 4).scaleb(-1) for place in range(count)],
        "ward": pd.Series(rng.choice(["north", "süd", None], count), dtype="str"),
        "urgent": [None if value < 0.1 else value < 0.4 for value in rng.random(count)],
        "born": [dt.date(1940, 1, 1) + dt.timedelta(int(days)) for days in rng.integers(0, 20_000, count)],
        "mean area": [Decimal(round(area * 100)).scaleb(-2) for area in data["mean area"]],
        "malignant?": data["target"] == 0,
    })  # fmt: skip


def put(stores: Stores, frame: pd.DataFrame) -> str:
    for night, part in frame.groupby("Visit Day"):
        body = io.BytesIO()
        part.to_parquet(body)
        stores.lake.objects.put(f"incoming/{night}.parquet", body.getvalue())
    return f"{stores.lake.objects.uri}/incoming/*.parquet"


def test_new_to_a_monitored_night(stores: Stores, change: Callable[..., ModelSpec]) -> None:
    made = new(
        Wish(
            f"cancer_{stores.lake.objects.uri[-8:]}",
            put(stores, patients()),
            "malignant?",
            ("patient", "part"),
            "Visit Day",
        ),
        stores.settings,
    )
    # One variant besides fp32: what all of them do is tested elsewhere.
    spec = change(load_spec(Path(made.file)), optimize={"variants": ["codes"]})
    assert {column.type for column in spec.columns.values()} == {"date", "decimal", "string", "bool", "float64"}
    night = NIGHTS[-1].isoformat()
    loaded = load(spec, NIGHTS[0].isoformat(), night, stores)
    assert (loaded.loaded, loaded.without_source) == (len(NIGHTS), [])
    frozen = snapshot(spec, night, stores)
    verdict = evaluate(spec, optimize(spec, register(spec, train(spec, frozen, stores), stores), stores), stores)
    assert verdict.promote, verdict.reasons
    promote(spec, verdict, stores)
    decided = plan(spec, night, stores)
    published = publish(spec, decided, [score(spec, decided, shard, stores) for shard in decided.shards], stores)
    predicted = _predictions(spec, night, stores)
    assert predicted.num_rows == published.rows == (patients()["Visit Day"] == NIGHTS[-1]).sum()
    assert [str(predicted.schema.field(key).type) for key in spec.keys] == ["date32[day]", "decimal128(38, 1)"]
    assert _agreement(predicted, night) > 0.9
    assert monitor(spec, night, stores).partition == night
    assert look(spec, stores) == []


def _predictions(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    return stores.lake.read(stores.lake.require("predictions", spec.name, spec.partition.column, night))


def _agreement(predicted: pa.Table, night: str) -> float:
    truth = patients().set_index("patient").loc[predicted["patient"].to_pylist(), "malignant?"]
    return float(np.mean(truth.to_numpy() == predicted["predicted_malignant"].to_numpy()))
