"""A small world whose right answer is known: every score says which version made it, and from which row.

A score is ``(items / 64 + version) / 16``. All of it is exact in float32, so what a reader sees is compared
bit by bit with a pure recomputation.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from nightshift.contracts import Dataset, PartitionKey, Pin
from nightshift.s3 import upload
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, parquet
from nightshift.stores.aliases import NightChampion

MODEL = "orders"
VERSIONS = tuple(str(number) for number in range(1, 8))
# S3 refuses smaller ones.
SMALLEST_PART = 5 * 2**20
TOKENS = ("token_a", "token_b", "token_c", "token_d")
THRESHOLD = 0.25


class Wrong(AssertionError):
    """What somebody read is no whole night of one version."""


def make_spec(shard_rows: int) -> ModelSpec:
    """Keys that do not compress, so that a few hundred thousand rows make a multipart upload."""
    keys = {"number": {"type": "int32", "feature": False}}
    keys |= {name: {"type": "int64", "feature": False} for name in TOKENS}
    return ModelSpec.model_validate({
        "name": MODEL,
        "description": "Will it hold?",
        "source": {"python": "source.py"},
        "partition": {"column": "day", "timezone": "UTC", "start": "2024-01-01"},
        "keys": list(keys),
        "columns": {**keys, "items": {"type": "int16", "min": 0, "max": 63}},
        "label": {"column": "late", "delay_days": 1},
        "training": {"window_days": 10, "holdout_days": 3, "trainer": "logistic_regression"},
        "predict": {"shard_rows": shard_rows, "threshold": THRESHOLD},
    })


@dataclass(frozen=True)
class Night:
    """One night's input, made from its date alone."""

    partition: str
    rows: int
    row_group_rows: int = 500

    def table(self) -> pa.Table:
        """What was validated."""
        rng = np.random.default_rng(int(self.partition.replace("-", "")))
        columns: dict[str, Any] = {"number": pa.array(range(self.rows), pa.int32())}
        columns |= {name: pa.array(rng.integers(-(2**63), 2**63, self.rows)) for name in TOKENS}
        return pa.table({**columns, "items": pa.array(rng.integers(0, 64, self.rows), pa.int16())})

    def predictions(self, version: str) -> pa.Table:
        """What a version must publish, by a pure recomputation."""
        rows = self.table()
        scores = (rows["items"].to_numpy().astype(np.float32) / 64 + np.float32(version)) / 16
        return (
            rows
            .drop_columns(["items"])
            .append_column("score", pa.array(scores.astype(np.float32)))
            .append_column("prediction", pa.array(scores >= THRESHOLD))
            .append_column("model_version", pa.repeat(version, self.rows))
            .append_column("run_id", pa.repeat(f"run-{version}", self.rows))
        )


class Judge:
    """Says which version a table is, or what is wrong with it."""

    def __init__(self, nights: tuple[Night, ...]) -> None:
        self._right = {(n.partition, v): n.predictions(v) for n in nights for v in VERSIONS}

    def version(self, partition: str, found: pa.Table) -> str:
        """The one version that the rows are. Raises ``Wrong``."""
        versions = found["model_version"].unique().to_pylist()
        right = self._right.get((partition, versions[0])) if versions else None
        if right is None or len(versions) > 1:
            raise Wrong(f"{partition}: versions {versions} in {found.num_rows} rows")
        found = found.select(right.column_names).combine_chunks()
        if found.num_rows == right.num_rows and not found["number"].equals(right["number"]):
            found = found.sort_by("number")
        if not found.equals(right):
            raise Wrong(f"{partition}, version {versions[0]}: {_difference(found, right)}")
        return str(versions[0])


def _difference(found: pa.Table, right: pa.Table) -> str:
    if found.num_rows != right.num_rows:
        distinct = len(found["number"].unique())
        return f"{found.num_rows} rows ({distinct} distinct), expected {right.num_rows}"
    return "differs in " + ", ".join(n for n in right.column_names if not found[n].equals(right[n]))


@dataclass(frozen=True)
class Champion:
    """The one answer that scoring asks of aliases. MLflow itself is not what is broken here."""

    pin: Pin

    def champion(self, _: str, known: int = 0) -> tuple[Pin, int]:
        return self.pin, 1

    def champion_of(self, model: str, _: str, known: int = 0) -> NightChampion:
        pin, number = self.champion(model, known)
        return NightChampion(pin, pin.version, number)

    def require_shown(self, _: str) -> None:
        pass

    def astray(self, _: str) -> list[Any]:
        return []


def open_stores(settings: Settings, version: str) -> Stores:
    """Stores in which this version is champion."""
    stores = Stores(settings, {"by": "faults"})
    stores.__dict__["aliases"] = Champion(pin_of(version))
    return stores


def build(settings: Settings, nights: tuple[Night, ...]) -> None:
    """Validated nights, and the graph and profile of each version."""
    stores = Stores(settings, {"by": "faults"})
    for version in VERSIONS:
        folder = f"models/{MODEL}/{_sha256(graph(version))}"
        stores.lake.objects.put(f"{folder}/model.onnx", graph(version))
        stores.lake.objects.put(f"{folder}/profile.json", _profile())
    for night in nights:
        small_pieces(night.row_group_rows)
        draft = stores.lake.begin(PartitionKey(Dataset.VALIDATED, MODEL, "day", night.partition))
        stores.lake.publish(draft, night.table(), provenance={})


def pin_of(version: str) -> Pin:
    """A version as the registry would give it."""
    sha256 = _sha256(graph(version))
    return Pin(MODEL, version, f"run-{version}", sha256, f"models/{MODEL}/{sha256}/model.onnx", "ab.dir", "2023-12-31")


def graph(version: str) -> bytes:
    """``(items / 64 + version) / 16`` as ONNX, fed by one matrix."""
    from onnx import TensorProto, helper, numpy_helper

    constants = [("by", 1 / 64), ("plus", float(version)), ("over", 1 / 16)]
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Mul", ["numbers", "by"], ["a"]),
                helper.make_node("Add", ["a", "plus"], ["b"]),
                helper.make_node("Mul", ["b", "over"], ["score"]),
            ],
            MODEL,
            [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["n", 1])],
            [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n", 1])],
            [numpy_helper.from_array(np.array([value], np.float32), name) for name, value in constants],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    feeds = model.metadata_props.add()
    feeds.key, feeds.value = "nightshift.feeds", json.dumps({"format": 1, "numbers": ["items"]})
    return bytes(model.SerializeToString(deterministic=True))


def _profile() -> bytes:
    from nightshift.profiles.bins import Bins
    from nightshift.profiles.profile import Feature, Profile

    score = Feature(name="score", bins=Bins(kind="numeric", edges=(0.2, 0.4)), counts=(1, 1, 1, 0), distances=())
    return Profile(model=MODEL, nights=(), rows=(), features=(score,), holdout=()).to_json()


def _sha256(body: bytes) -> str:
    import hashlib

    return hashlib.sha256(body).hexdigest()


def small_pieces(row_group_rows: int) -> None:
    """A night of few rows has several row groups, so several shards; an upload has several parts early."""
    parquet.ROW_GROUP_ROWS = row_group_rows
    upload.PART_BYTES = SMALLEST_PART
