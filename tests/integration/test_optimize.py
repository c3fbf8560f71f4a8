"""The search on real services: what the MLflow run says of every graph is what scoring its file again gives."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from mlflow import MlflowClient

from nightshift.contracts import Candidate
from nightshift.modelling.holdout import LabelledRows, read_split
from nightshift.modelling.metrics import row_losses
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.spec import VARIANTS, ModelSpec, load_spec
from nightshift.steps.evaluate import evaluate
from nightshift.steps.load import load
from nightshift.steps.optimize import optimize
from nightshift.steps.snapshot import snapshot
from nightshift.steps.train import register, train
from nightshift.stores import Stores, layout
from nightshift.training.evidence import read_evidence
from tests.loaded_flights import LoadedFlights

pytestmark = pytest.mark.stack


def candidate(spec: ModelSpec, as_of: str, stores: Stores) -> Candidate:
    return optimize(spec, register(spec, train(spec, snapshot(spec, as_of, stores), stores), stores), stores)


class Flights(NamedTuple):
    """The flights model as it is, on fewer nights, and its search as the MLflow run has it."""

    spec: ModelSpec
    stores: Stores
    candidate: Candidate
    table: dict[str, Any]
    files: dict[str, bytes]
    holdout: LabelledRows
    histories: list[str]


@pytest.fixture(scope="module")
def flights(
    loaded_flights: LoadedFlights, change: Callable[..., ModelSpec], tmp_path_factory: pytest.TempPathFactory
) -> Flights:
    stores, home = loaded_flights.stores, tmp_path_factory.mktemp("search")
    spec = change(loaded_flights.spec, training={"window_days": 42}, optimize={"approximate": "always"})
    histories: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MlflowClient, "get_metric_history", lambda _, __, name: histories.append(name) or [])
        found = candidate(spec, loaded_flights.as_of, stores)
    with stores.registry.session(spec.name) as mlflow:
        folder = Path(mlflow.artifacts.download_artifacts(run_id=found.trained.run_id, dst_path=str(home / "run")))
    table = json.loads((folder / "onnx/variants.json").read_text())
    files = {path.stem: path.read_bytes() for path in (folder / "onnx/variants").glob("*.onnx")}
    assert (folder / "plots/variants.png").stat().st_size > 10_000
    assert f"{spec.name}: {table['chosen']} scores" in (folder / "onnx/variants.md").read_text()
    return Flights(
        spec, stores, found, table, files, read_split(spec, found.trained.snapshot, stores).holdout, histories
    )


def test_the_model_in_mlflow_shows_the_metrics_of_its_run_and_no_history_was_asked_for(flights: Flights) -> None:
    model_id = flights.candidate.trained.model_uri.removeprefix("models:/")
    logged = flights.stores.registry.client.get_logged_model(model_id)
    shown = {metric.key: metric.value for metric in logged.metrics}
    assert flights.candidate.trained.metrics.items() <= shown.items()
    assert flights.histories == []


def lines(flights: Flights) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in flights.table["variants"]}


def test_every_variant_of_the_spec_has_a_line_and_its_file(flights: Flights) -> None:
    assert list(lines(flights)) == ["fp32", *VARIANTS]
    assert set(flights.files) == {name for name, line in lines(flights).items() if line["sha256"]}
    assert {"codes", "codes_mirrored", "truncated_half", "student", "pruned", "int8_static"} <= set(flights.files)


def test_the_table_says_what_the_files_say(flights: Flights) -> None:
    holdout = flights.holdout
    scores = {name: OnnxGraph(flights.spec, body).score(holdout.table) for name, body in flights.files.items()}
    losses = {name: row_losses("log_loss", holdout.labels, found).mean() for name, found in scores.items()}
    for name, body in flights.files.items():
        line = lines(flights)[name]
        assert hashlib.sha256(body).hexdigest() == line["sha256"]
        if "rows beside it" in line["refusal"]:
            continue
        if line["exact"] or "by its distance" in line["refusal"]:
            # An approximate one that was judged has a line of all judged nights.
            assert losses[name] - losses["fp32"] == pytest.approx(line["loss_mean"], abs=1e-6)
        assert np.abs(scores[name] - scores["fp32"]).max() <= line["max_difference"] + 1e-6


def test_the_choice_is_the_fastest_of_those_within_the_tolerances(flights: Flights) -> None:
    spec, found = flights.spec.optimize, lines(flights)
    assert not found["fp32"]["refusal"]
    for line in found.values():
        if line["exact"]:
            assert line["max_difference"] <= spec.max_abs_difference
            assert line["label_flips"] == 0
        elif line["name"] == flights.table["chosen"]:
            assert line["loss_high"] <= spec.max_metric_loss
    # Once an approximate one was judged and refused, the choice is among exact ones.
    chosen = found[flights.table["chosen"]]
    eligible = [line for line in found.values() if not line["refusal"] and line["exact"] >= chosen["exact"]]
    assert chosen["rows_per_second"] >= 0.95 * max(line["rows_per_second"] for line in eligible)
    assert chosen in eligible
    assert flights.table["chosen"] != "fp32"


def test_the_chosen_graph_is_the_twin_s_and_the_same_variant_of_the_whole_window_scores(flights: Flights) -> None:
    stores, graph, evidence = flights.stores, flights.candidate.graph, flights.candidate.evidence
    assert graph.variant == flights.table["chosen"]
    assert evidence.twin_sha256 == lines(flights)[graph.variant]["sha256"]
    assert graph.sha256 not in {line["sha256"] for line in lines(flights).values()}
    tags = stores.registry.client.get_model_version(flights.spec.name, flights.candidate.version).tags
    assert tags["nightshift.variant"] == graph.variant
    assert tags["nightshift.onnx_sha256"] == graph.sha256
    scores = fetch(flights.spec, evidence.twin_key, evidence.twin_sha256, stores).score(flights.holdout.table)
    expected = OnnxGraph(flights.spec, flights.files[graph.variant]).score(flights.holdout.table)
    assert np.array_equal(scores, expected)
    refit = fetch(flights.spec, graph.key, graph.sha256, stores).score(flights.holdout.table)
    assert 0 < np.abs(refit - scores).mean() < 0.2
    judged, found = read_evidence(
        flights.spec, flights.candidate, read_split(flights.spec, flights.candidate.trained.snapshot, stores), stores
    )
    assert np.array_equal(found[-len(scores) :], scores)
    assert judged.nights.min() < flights.holdout.nights.min()
    assert stores.lake.objects.head(layout.profile(flights.spec.name, graph.sha256, graph.profile_sha256))


def test_how_the_student_learnt_is_a_curve_of_the_run(flights: Flights) -> None:
    history = flights.stores.registry.client.get_metric_history(flights.candidate.trained.run_id, "student_loss")
    assert [point.step for point in history] == list(range(len(history)))
    assert history[0].value > history[-1].value


@pytest.mark.parametrize(
    ("trainer", "parameters", "variants"),
    [
        ("neural_network", {"hidden_layer_sizes": "16-8", "max_iter": 400, "early_stopping": False, "tol": 0.001}, 5),
        ("logistic_regression", {}, 3),
    ],
)
def test_models_without_trees_go_through_the_loop_in_their_own_weights(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    tmp_path: Path,
    trainer: str,
    parameters: dict[str, Any],
    variants: int,
) -> None:
    folder = make_project(
        tmp_path / "project",
        training={"trainer": trainer, "parameters": parameters},
        optimize={
            "variants": ["fp32_optimized", "codes", "pruned", "int8_static"],
            "max_metric_loss": 0.05,
            "approximate": "always",
        },
        gates={"slices": []},
    )
    spec, stores = load_spec(folder / "model.yaml"), open_stores(folder.parents[1])
    load(spec, "2024-01-02", "2024-01-12", stores)
    found = candidate(spec, "2024-01-12", stores)
    assert found.graph.variant != "fp32"
    files = stores.registry.client.list_artifacts(found.trained.run_id, "onnx/variants")
    assert len(files) == variants
    verdict = evaluate(spec, found, stores)
    assert verdict.promote, verdict.reasons
