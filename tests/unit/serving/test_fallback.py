"""Where scoring fails, the last published night's score of that key is given, marked; never an old or withdrawn one."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from nightshift.contracts import Pin
from nightshift.errors import LakeUnavailable, ModelError
from nightshift.modelling.label_types import label_type
from nightshift.scoring.versions_of_rows import VERSION
from nightshift.serving import fallback as fallback_module
from nightshift.serving import last_scores, routes
from nightshift.serving.beside import BesideAnswers
from nightshift.serving.fallback import Fallback
from nightshift.serving.options import ServeOptions
from nightshift.serving.protocol import datatype
from nightshift.serving.routes import application
from nightshift.spec import ModelSpec
from tests.unit.serving.conftest import Site
from tests.unit.serving.test_bounds import figures

MakeSite = Callable[..., Site]
NIGHT = "2024-01-15"
KEYED = 40


class KnownNights:
    """What a fallback asks of the stores: one night's manifest, its rows, and who was withdrawn."""

    def __init__(self, spec: ModelSpec, rows: pa.Table) -> None:
        self.withdrawn: dict[str, int] = {}
        self.is_away = False
        self.rows = rows
        pin = Pin(spec.name, "7", "run-7", "77" * 32, "key", "5f.dir", "2024-01-10")
        columns = dict.fromkeys(rows.column_names, "")
        self.night = SimpleNamespace(
            partition=NIGHT, generation="g1", columns=columns, pin=pin, canary_pin=None, names_version=True, key="k"
        )
        self.lake = self
        self.aliases = SimpleNamespace(ledger=lambda _: SimpleNamespace(head=lambda: self))

    def partitions(self, *_: object) -> list[str]:
        if self.is_away:
            raise LakeUnavailable("nobody answers at s3://lake")
        return [NIGHT]

    def readable(self, _: object) -> Any:
        return self.night

    def read(self, _: object, columns: list[str]) -> pa.Table:
        return self.rows.select(columns)


def published_night(spec: ModelSpec, table: pa.Table, shift: float = 0.25) -> pa.Table:
    """Scores of a night for the keys of these rows, of other values than those of now."""
    label = label_type(spec)
    scores = np.full(table.num_rows, shift, np.float32) + np.arange(table.num_rows, dtype=np.float32) / 1000
    columns = {name: table[name] for name in spec.keys}
    fields = zip(label.published_fields(), label.published_columns(scores), strict=True)
    columns |= {field.name: values for field, values in fields}
    columns[VERSION] = pa.array(["7"] * table.num_rows)
    return pa.table(columns)


@pytest.fixture
def broken(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Site, KnownNights, Fallback]]:
    """``broken(age=3, most=7)``: a server with a fallback, of which scoring breaks off."""
    made: list[Fallback] = []

    def make(age: int = 1, most: int = 7, **options: Any) -> tuple[Site, KnownNights, Fallback]:
        here = site(**options)
        nights = KnownNights(here.spec, published_night(here.spec, here.table.slice(0, KEYED)))
        monkeypatch.setattr(fallback_module, "age_in_days", lambda *_: age)
        fallback = Fallback(here.spec, nights, most)  # type: ignore[arg-type]
        fallback.refresh()
        made.append(fallback)
        client = TestClient(application(here.stand, ServeOptions(**options), BesideAnswers(None, fallback)))
        return Site(here.spec, here.stand, here.champions, client, here.table), nights, fallback

    yield make
    for fallback in made:
        fallback.close()


@pytest.fixture
def no_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ModelError("the graph gives nothing")

    monkeypatch.setattr("nightshift.serving.version.ServedVersion.answer", fail)


def keyed(here: Site, count: int, first: int = 0) -> list[dict[str, Any]]:
    names = [*here.spec.keys, *here.spec.features]
    return here.table.select(list(dict.fromkeys(names))).slice(first, count).to_pylist()


@pytest.mark.usefixtures("no_scores")
def test_the_last_night_s_score_of_the_key_is_given_and_says_what_it_is(broken: Callable[..., Any]) -> None:
    here, nights, _ = broken()
    rows = keyed(here, 3, first=5)[::-1]
    found = here.client.post("/score", json={"rows": rows})
    assert found.status_code == 200, found.text
    answer = found.json()
    assert (answer["fallback"], answer["night"], answer["version"], answer["sha256"]) == (True, NIGHT, "7", "77" * 32)
    assert (found.headers["nightshift-fallback"], found.headers["nightshift-version"]) == (NIGHT, "7")
    expected = nights.rows["score"].slice(5, 3).to_pylist()[::-1]
    assert [np.float32(row["score"]) for row in answer["predictions"]] == [np.float32(score) for score in expected]
    assert [row[key] for row in answer["predictions"] for key in here.spec.keys] == [
        row[key] for row in rows for key in here.spec.keys
    ]
    told = figures(here)
    assert (told["nightshift_serve_fallback_rows_total",], told["nightshift_serve_fallback_age_days",]) == (3, 1)
    assert told["nightshift_serve_rows_total",] == 0


@pytest.mark.usefixtures("no_scores")
def test_the_protocol_says_it_in_its_parameters(broken: Callable[..., Any]) -> None:
    here, nights, _ = broken()
    inputs = here.tensors(2)
    for key in set(here.spec.keys) - set(here.spec.features):
        data = here.table[key].slice(0, 2).to_pylist()
        inputs.append({"name": key, "datatype": datatype(here.spec.columns[key]), "shape": [2], "data": data})
    found = here.client.post(f"/v2/models/{here.spec.name}/infer", json={"inputs": inputs})
    assert found.status_code == 200, found.text
    answer = found.json()
    assert answer["parameters"] == {"sha256": "77" * 32, "fallback": True, "night": NIGHT}
    scores, _ = answer["outputs"]
    assert np.array(scores["data"], np.float32).tobytes() == nights.rows["score"].slice(0, 2).to_numpy().tobytes()


@pytest.mark.usefixtures("no_scores")
@pytest.mark.parametrize("why", ["no key", "unknown key", "too old", "withdrawn", "two versions", "no night"])
def test_else_the_error_is_what_it_was(broken: Callable[..., Any], why: str) -> None:
    here, nights, fallback = broken(age=8 if why == "too old" else 7)
    rows = keyed(here, 2)
    if why == "no key":
        for row in rows:
            row.pop(here.spec.keys[-1])
    if why == "unknown key":
        rows = [*keyed(here, 1), *keyed(here, 1, first=KEYED)]
    if why == "withdrawn":
        nights.withdrawn["7"] = 3
    if why == "two versions":
        by_turns = pa.array(["7", "8"] * (KEYED // 2))
        nights.rows = nights.rows.set_column(nights.rows.column_names.index(VERSION), VERSION, by_turns)
        nights.night.generation = "g2"
    if why == "no night":
        nights.night = None
    fallback.refresh()
    found = here.client.post("/score", json={"rows": rows})
    assert (found.status_code, found.json()) == (500, {"error": "the graph gives nothing"})


@pytest.mark.usefixtures("no_scores")
def test_the_lake_away_changes_nothing(broken: Callable[..., Any]) -> None:
    here, nights, fallback = broken()
    nights.is_away = True
    fallback.refresh()
    assert here.client.post("/score", json={"rows": keyed(here, 1)}).json()["night"] == NIGHT


def test_a_bad_request_is_told_what_is_wrong_and_one_that_takes_too_long_gets_the_night_s(
    broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, *_ = broken(timeout=0.1)
    wrong = keyed(here, 1)[0] | {"amount": "much"}
    assert here.client.post("/score", json={"rows": [wrong]}).status_code == 400
    good = here.client.post("/score", json={"rows": keyed(here, 1)})
    assert "fallback" not in good.json()
    monkeypatch.setattr(routes, "LARGE_ROWS", 0)

    def slow(*_: object) -> None:
        time.sleep(0.4)

    monkeypatch.setattr("nightshift.serving.version.ServedVersion.answer", slow)
    assert here.client.post("/score", json={"rows": keyed(here, 1)}).json()["fallback"] is True


def test_keys_of_one_hash_are_told_apart_and_the_file_is_sorted(
    site: MakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    rows = published_night(here.spec, here.table)
    nights = KnownNights(here.spec, rows)
    keys = rows.select(list(here.spec.keys)).combine_chunks()
    (batch,) = keys.slice(3, 50).combine_chunks().to_batches()
    wanted = rows.slice(3, 50)["score"].to_pylist()
    opened = last_scores.open_last_scores(here.spec, nights.night, nights, tmp_path / "sorted")  # type: ignore[arg-type]
    assert bool((np.diff(opened.hashes.astype(np.float64)) >= 0).all())
    found = opened.find(batch)
    assert found is not None
    assert found["score"].to_pylist() == wanted
    monkeypatch.setattr(last_scores, "hashes_of", lambda keys: np.zeros(keys.num_rows, np.uint64))
    colliding = last_scores.open_last_scores(here.spec, nights.night, nights, tmp_path / "same")  # type: ignore[arg-type]
    again = colliding.find(batch)
    assert again is not None
    assert again["score"].to_pylist() == wanted


def test_a_night_without_rows_has_no_score_of_any_key(site: MakeSite, tmp_path: Path) -> None:
    here = site()
    nights = KnownNights(here.spec, published_night(here.spec, here.table.slice(0, 0)))
    opened = last_scores.open_last_scores(here.spec, nights.night, nights, tmp_path / "empty")  # type: ignore[arg-type]
    (batch,) = here.table.select(list(here.spec.keys)).slice(0, 1).combine_chunks().to_batches()
    assert opened.find(batch) is None
