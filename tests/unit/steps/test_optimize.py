"""The whole search on a small model: the table holds what the files say, and the choice follows from it."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from nightshift.errors import ModelError, ParityFailed
from nightshift.modelling.folds import Fold, folds_of
from nightshift.modelling.holdout import LabelledRows, Split, split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.metrics import row_losses
from nightshift.optimization import search as step
from nightshift.optimization.search import search
from nightshift.optimization.variants.evaluator import choose
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import VARIANTS, ModelSpec
from nightshift.steps import optimize
from nightshift.steps.optimize import _profile
from nightshift.training import recipe
from nightshift.training.trainers import trainer_of

Change = Callable[..., ModelSpec]


@pytest.fixture
def model(
    spec: ModelSpec, small_rows: Callable[..., pa.Table], change: Change
) -> Callable[..., tuple[ModelSpec, Any, Split]]:
    def fitted(**optimize: Any) -> tuple[ModelSpec, Any, Split]:
        changed = change(spec, optimize=optimize)
        rows = split(changed, small_rows(changed))
        return (
            changed,
            trainer_of(changed).pipeline(changed).fit(model_inputs(changed, rows.train.table), rows.train.labels),
            rows,
        )

    return fitted


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("binary", "hist_gradient_boosting"),
        ("multiclass", "logistic_regression"),
        ("regression", "ridge"),
        ("binary", "neural_network"),
    ],
)
def test_a_column_without_a_value_has_its_graphs_and_a_profile(
    fitted: Callable[..., Any], kind: str, name: str
) -> None:
    made = fitted(kind, name, optimize={"variants": ["codes"]})
    rows = Split(*[_without_amount(part) for part in (made.rows.train, made.rows.holdout, made.rows.unlabelled)])
    pipeline = recipe.fit(made.spec, rows.train)
    found = search(made.spec, pipeline, rows)
    assert [result.refusal for result in found.results] == ["", ""]
    graph = OnnxGraph(made.spec, found.body)
    assert _profile(made.spec, rows, folds_of(made.spec, rows)[-1:], [graph])
    # Filled from tonight on: nothing was learnt of it, so it says nothing.
    scores = graph.score(made.rows.holdout.table)
    assert scores == pytest.approx(graph.score(rows.holdout.table), rel=1e-4, abs=1e-4)


def _without_amount(rows: LabelledRows) -> LabelledRows:
    place = rows.table.schema.get_field_index("amount")
    empty = pa.nulls(rows.table.num_rows, rows.table.schema.field(place).type)
    return replace(rows, table=rows.table.set_column(place, rows.table.schema.field(place), empty))


@pytest.mark.usefixtures("networks")
def test_the_table_is_what_the_files_say(model: Callable[..., tuple[ModelSpec, Any, Split]]) -> None:
    spec, pipeline, rows = model(variants=list(VARIANTS), max_metric_loss=0.5, approximate="always")
    found = search(spec, pipeline, rows)
    assert [result.name for result in found.results] == ["fp32", *VARIANTS]
    assert found.chosen == choose(found.results)
    holdout = rows.holdout
    losses = {
        name: row_losses("log_loss", holdout.labels, OnnxGraph(spec, body).score(holdout.table)).mean()
        for name, body in found.files.items()
    }
    for result in found.results:
        body = found.files[result.name]
        assert result.sha256 == hashlib.sha256(body).hexdigest()
        assert result.bytes == len(body)
        if result.name != "int8_dynamic":
            assert result.loss.mean == pytest.approx(losses[result.name] - losses["fp32"], abs=1e-9)
        assert result.rows_per_second > 0
        assert result.parity.rows > holdout.table.num_rows
    assert {result.name for result in found.results if result.exact} == {
        "fp32",
        "fp32_optimized",
        "codes",
        "codes_mirrored",
    }
    assert not any(result.refusal for result in found.results if result.exact)
    assert set(found.losses) == {"student", "pruned"}


def test_a_spec_that_names_no_variant_gets_fp32(model: Callable[..., tuple[ModelSpec, Any, Split]]) -> None:
    found = search(*model(variants=[]))
    assert [result.name for result in found.results] == ["fp32"]
    assert found.chosen.name == "fp32"


def test_a_plain_export_that_is_not_the_model_ends_the_search(
    model: Callable[..., tuple[ModelSpec, Any, Split]], monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    spec, pipeline, rows = model(variants=["codes"])
    other = trainer_of(spec).pipeline(change(spec, training={"parameters": {"max_iter": 2}}))
    other.fit(model_inputs(spec, rows.train.table), rows.train.labels)
    export = step.to_onnx
    monkeypatch.setattr(step, "to_onnx", lambda spec, _: export(spec, other))
    with pytest.raises(ParityFailed):
        search(spec, pipeline, rows)


def test_on_a_provider_that_is_not_there_no_graph_may_score(
    model: Callable[..., tuple[ModelSpec, Any, Split]],
) -> None:
    with pytest.raises(ModelError, match=r"no graph may score: fp32: .*optimize\.provider is cuda"):
        search(*model(variants=["codes"], provider="cuda"))


def test_the_profile_knows_scores_of_judged_nights_alone_each_by_the_fold_that_did_not_see_it(
    model: Callable[..., tuple[ModelSpec, Any, Split]], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, _, rows = model(variants=[])
    folds = folds_of(spec, rows)
    bodies = [search(spec, recipe.fit(spec, fold.train), _as_split(fold, rows)).body for fold in folds]
    graphs = [OnnxGraph(spec, body) for body in bodies]
    seen: dict[str, Any] = {}
    build_profile = optimize.build_profile
    monkeypatch.setattr(
        optimize, "build_profile", lambda *args: (seen.update(nights=args[2], scores=args[3]), build_profile(*args))[1]
    )
    _profile(spec, rows, folds, graphs)
    scored = {night for night, score in zip(seen["nights"], seen["scores"], strict=True) if not np.isnan(score)}
    assert len(folds) == 2
    assert sorted(scored) == [f"2024-01-{day:02d}" for day in range(6, 11)]
    for fold, graph in zip(folds, graphs, strict=True):
        of_fold = fold.judges(rows.all_rows.nights)
        expected = graph.score(rows.all_rows.table.filter(pa.array(of_fold)))
        assert np.array_equal(seen["scores"][of_fold], expected)


def _as_split(fold: Fold, rows: Split) -> Split:
    return Split(fold.train, fold.judged, rows.unlabelled)


@pytest.mark.parametrize(
    ("kind", "trainer", "built"),
    [
        ("multiclass", "hist_gradient_boosting", {"fp32_optimized", "codes", "codes_mirrored"}),
        ("multiclass", "logistic_regression", {"fp32_optimized", "codes"}),
        ("multiclass", "neural_network", {"fp32_optimized", "codes", "int8_dynamic", "int8_static"}),
        ("regression", "hist_gradient_boosting", {"fp32_optimized", "codes", "codes_mirrored"}),
        ("regression", "ridge", {"fp32_optimized", "codes"}),
        ("regression", "neural_network", {"fp32_optimized", "codes", "int8_dynamic", "int8_static"}),
        ("regression", "tabular_network", {"codes", "int8_dynamic", "int8_static"}),
    ],
)
def test_other_labels_have_their_layouts_and_a_reason_for_what_they_have_not(
    fitted: Callable[..., Any], kind: str, trainer: str, built: set[str]
) -> None:
    made = fitted(kind, trainer, optimize={"variants": list(VARIANTS), "max_metric_loss": 0.5, "approximate": "always"})
    found = search(made.spec, made.pipeline, made.rows)
    assert set(found.files) == {"fp32", *built}
    assert all(result.refusal for result in found.results if result.name not in found.files)
    exact = [result for result in found.results if result.exact and result.name in found.files]
    assert not any(result.refusal for result in exact)
    assert all(result.parity.label_flips == 0 and result.parity.max_difference < 1e-6 for result in exact)
    assert not found.chosen.refusal
    assert _profile(made.spec, made.rows, folds_of(made.spec, made.rows)[-1:], [OnnxGraph(made.spec, found.body)])
