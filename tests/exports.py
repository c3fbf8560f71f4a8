"""Small versions made ready to be exported, each fitted once: graphs of every kind, and labels of every kind."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pytest

from nightshift.contracts import Pin
from nightshift.export.exported import Export, exported
from nightshift.export.record import ExportRecord
from nightshift.export.targets import TARGETS
from nightshift.export.written import write_export
from nightshift.modelling.holdout import split
from nightshift.optimization.export import to_onnx
from nightshift.optimization.variants.catalogue import build_all
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.spec import ModelSpec, load_spec
from nightshift.training import recipe
from tests.unit.conftest import CLASSES, relabelled

Written: TypeAlias = Callable[..., tuple[Path, ExportRecord]]
ADDRESS = "s3://models/late"
HIDDEN = {
    "trainer": "neural_network",
    "parameters": {"hidden_layer_sizes": "12-6", "max_iter": 400, "early_stopping": False, "tol": 1e-3},
}
LINEAR = {"training": {"trainer": "logistic_regression", "parameters": {}}}


class Kind(NamedTuple):
    """A spec's changes, and the variant that scores."""

    variant: str
    changes: dict[str, Any]


KINDS = {
    "codes": Kind("codes", {}),
    "plain": Kind("fp32", {}),
    "multiclass": Kind("codes", {"label": {"type": "multiclass", "classes": list(CLASSES)}}),
    "regression": Kind("codes", {"label": {"type": "regression"}}),
    "quantile": Kind("codes", {"label": {"type": "quantile", "quantiles": [0.1, 0.5, 0.9]}}),
    "linear": Kind("fp32", LINEAR),
    "network": Kind("codes", LINEAR),
}
NETWORKS = {
    "linear codes": KINDS["network"],
    "hidden layers": Kind("codes", {"training": HIDDEN}),
    "calibrated": Kind("codes", {"training": {**HIDDEN, "calibration": "isotonic"}}),
    "classes": Kind(
        "codes",
        {
            "training": {**HIDDEN, "calibration": "platt"},
            "label": {"type": "multiclass", "classes": list(CLASSES)},
        },
    ),
    "numbers": Kind("codes", {"training": HIDDEN, "label": {"type": "regression"}}),
    "student": Kind("student", {"optimize": {"variants": ["codes", "student"], "max_metric_loss": 1.0}}),
}
"""Networks of every form: with and without layers, calibrated, of several classes, of numbers, taught by trees."""


class Made(NamedTuple):
    """A version before its export."""

    spec: ModelSpec
    pin: Pin
    variant: str
    body: bytes
    rows: pa.Table

    def export(self, address: str = "", python: str = "") -> Export:
        """What a target is given."""
        plain = exported(self.spec, self.pin, self.variant, self.body, self.rows)
        return replace(plain, address=address, python=python)


def maker(folder: Path, change: Callable[..., ModelSpec], small_rows: Callable[..., pa.Table]) -> Callable[[str], Made]:
    """``made("codes")``: a version of that kind; ``folder`` has the small model."""
    small = load_spec(folder / "model.yaml")

    @cache
    def made(name: str) -> Made:
        kind = {**KINDS, **NETWORKS}[name]
        spec = change(small, **kind.changes)
        rows = split(spec, relabelled(spec, small_rows(spec)))
        pipeline = recipe.fit(spec, rows.train)
        body = to_onnx(spec, pipeline)
        if kind.variant != "fp32":
            files, refused = build_all(VariantInputs(spec, pipeline, rows.train, body))
            assert not refused
            body = files[kind.variant]
        sha256 = hashlib.sha256(body).hexdigest()
        pin = Pin(
            model=spec.name,
            version="7",
            run_id="r",
            sha256=sha256,
            key="k",
            snapshot_md5="aa.dir",
            trained_through="2024-01-10",
        )
        return Made(spec, pin, kind.variant, body, rows.train.table)

    return made


@pytest.fixture(scope="session")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    make_project: Callable[..., Path],
    change: Callable[..., ModelSpec],
    small_rows: Callable[..., pa.Table],
) -> Callable[[str], Made]:
    """``made("codes")``: a version whose graph takes codes."""
    return maker(make_project(tmp_path_factory.mktemp("exports"), name="late_orders"), change, small_rows)


@pytest.fixture(scope="session")
def written(made: Callable[[str], Made], tmp_path_factory: pytest.TempPathFactory) -> Written:
    """``written("triton", "codes")``: the folder of an export, and its record."""

    def write(target: str, kind: str = "codes", python: str = "") -> tuple[Path, ExportRecord]:
        folder = tmp_path_factory.mktemp(f"{target}-{kind}")
        return folder, write_export(made(kind).export(ADDRESS, python), TARGETS[target], folder)

    return write
