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
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from nightshift.authoring.leaks import look
from nightshift.authoring.new import NewModelRequest, new
from nightshift.contracts import Dataset
from nightshift.spec import ModelSpec, load_spec
from nightshift.steps.load import load
from nightshift.steps.monitor import monitor
from nightshift.steps.predict import predict
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores

pytestmark = pytest.mark.stack

NIGHTS = [dt.date(2024, 3, 1) + dt.timedelta(days) for days in range(12)]


def dressed(data: pd.DataFrame) -> pd.DataFrame:
    """A set of scikit-learn's, cut into nights, with strings, nulls, booleans, dates and decimals among its columns."""
    data = data.sample(frac=1, random_state=0).reset_index(drop=True)
    rng, count = np.random.default_rng(0), len(data)
    first = data.columns[0]
    return data.assign(**{
        "Visit Day": [NIGHTS[place * len(NIGHTS) // count] for place in range(count)],
        "case": [dt.date(2000, 1, 1) + dt.timedelta(place) for place in range(count)],
        "part": [Decimal(place % 4).scaleb(-1) for place in range(count)],
        "ward": pd.Series(rng.choice(["north", "süd", None], count), dtype="str"),
        "urgent": [None if value < 0.1 else value < 0.4 for value in rng.random(count)],
        "born": [dt.date(1940, 1, 1) + dt.timedelta(int(days)) for days in rng.integers(0, 20_000, count)],
        first: [Decimal(round(value * 10_000)).scaleb(-4) for value in data[first]],
    })  # fmt: skip


def cancer() -> tuple[pd.DataFrame, str]:
    """Binary: a truth value; the means of what was measured, without their errors and extremes."""
    data = load_breast_cancer(as_frame=True).frame
    means = [name for name in data if name.startswith("mean ")]
    return dressed(data[means].assign(**{"malignant?": data["target"] == 0})), "malignant?"


def wine() -> tuple[pd.DataFrame, str]:
    """Multiclass: three texts."""
    data = load_wine(as_frame=True).frame
    sorts = data["target"].map({0: "Barolo", 1: "Grignolino", 2: "Barbera"}).astype("str")
    return dressed(data.drop(columns="target").assign(sort=sorts)), "sort"


def diabetes() -> tuple[pd.DataFrame, str]:
    """Regression: a number."""
    data = load_diabetes(as_frame=True).frame
    return dressed(data.rename(columns={"target": "progression"})), "progression"


def right(truth: pd.Series, predicted: pd.Series) -> bool:
    """Far better than saying the same of every row."""
    if truth.dtype.kind == "f":
        return float(np.corrcoef(truth, predicted)[0, 1]) > 0.4
    return float(np.mean(truth.to_numpy() == predicted.to_numpy())) > 0.85


def put(stores: Stores, frame: pd.DataFrame) -> str:
    for night, part in frame.groupby("Visit Day"):
        body = io.BytesIO()
        part.to_parquet(body)
        stores.lake.objects.put(f"incoming/{night}.parquet", body.getvalue())
    return f"{stores.lake.objects.uri}/incoming/*.parquet"


@pytest.mark.parametrize(("made", "kind"), [(cancer, "binary"), (wine, "multiclass"), (diabetes, "regression")])
def test_new_to_a_monitored_night(
    stores: Stores, change: Callable[..., ModelSpec], made: Callable[[], tuple[pd.DataFrame, str]], kind: str
) -> None:
    frame, label = made()
    name = f"{kind}_{stores.lake.objects.uri[-8:]}"
    drafted = new(NewModelRequest(name, put(stores, frame), label, ("case", "part"), "Visit Day"), stores.settings)
    assert drafted.label_type == kind
    # One variant besides fp32: what all of them do is tested elsewhere.
    spec = change(load_spec(Path(drafted.file)), optimize={"variants": ["codes"]})
    assert {column.type for column in spec.columns.values()} == {"date", "decimal", "string", "bool", "float64"}
    night = NIGHTS[-1].isoformat()
    loaded = load(spec, NIGHTS[0].isoformat(), night, stores)
    assert (loaded.loaded, loaded.without_source) == (len(NIGHTS), [])
    frozen = snapshot(spec, night, stores)
    verdict = train_and_gate(spec, frozen, stores)
    assert verdict.promote, verdict.reasons
    promote(spec, verdict, stores)
    published = predict(spec, night, stores)
    predicted = _predictions(spec, night, stores)
    mine = frame[frame["Visit Day"] == NIGHTS[-1]]
    dropped = stores.lake.require(spec.key(Dataset.VALIDATED, night)).rows_quarantined
    assert predicted.num_rows == published.rows == len(mine) - dropped
    assert dropped <= 0.05 * len(mine)
    assert [str(predicted.schema.field(key).type) for key in spec.keys] == ["date32[day]", "decimal128(38, 1)"]
    truth = mine.set_index("case").loc[predicted["case"].to_pylist(), label]
    assert right(truth, predicted[spec.predict.prediction].to_pandas())
    assert monitor(spec, night, stores).partition == night
    assert look(spec, stores) == []


def _predictions(spec: ModelSpec, night: str, stores: Stores) -> pa.Table:
    return stores.lake.read(stores.lake.require(spec.key(Dataset.PREDICTIONS, night)))
