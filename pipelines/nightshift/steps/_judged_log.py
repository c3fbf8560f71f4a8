"""What the run of a training shows of its judged nights: metrics, figures, the card, and what it learnt from."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from nightshift.contracts import Searched, SnapshotRef
from nightshift.modelling.card import model_card
from nightshift.modelling.folds import Fold
from nightshift.modelling.holdout import LabelledRows, Split
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.modelling.outcomes import unknown_classes
from nightshift.modelling.plots.figure import laid_out
from nightshift.spec import ModelSpec
from nightshift.stores.registry import LONGEST_TAG, TRAINED_WITHOUT
from nightshift.training.left_out import left_out, sentence
from nightshift.training.recipe import JudgedRows

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

log = logging.getLogger("nightshift")
SHOWN_ROWS = 1000
"""Of the training rows, in MLflow's page of the run's input."""
LISTS_OF_NIGHTS = {"missing", "retracted", "unreadable", "other_clock", "labels_without_row"}
"""Of a snapshot; a tag of MLflow is too short for them, and the model card has them."""


def log_judged(
    mlflow: Any,
    spec: ModelSpec,
    snapshot: SnapshotRef,
    rows: Split,
    folds: list[Fold],
    judged: JudgedRows,
    searched: Searched | None,
    model_id: str,
) -> dict[str, float]:
    """The metrics of the judged nights, of the run and its model, beside what was counted, read and left out."""
    metrics = label_type(spec).metrics(judged.rows.labels, judged.scores)
    counts = _counts(spec, snapshot, rows, judged)
    mlflow.log_metrics({**metrics, **counts}, model_id=model_id)
    labelled = rows.labelled
    _log_input(mlflow, spec, snapshot, labelled)
    without = _without(spec, labelled, mlflow)
    card = model_card(spec, snapshot, metrics, rows, folds, without, searched)
    mlflow.log_text(card, "model_card.md")
    return metrics


def log_figures(client: "MlflowClient", run_id: str, figures: Mapping[str, "Figure"]) -> None:
    """Lay out, draw and log the figures of a run, by their names. By the client: a thread beside the training may."""
    for name, figure in figures.items():
        client.log_figure(run_id, laid_out(figure), f"plots/{name}.png")


def _without(spec: ModelSpec, rows: LabelledRows, mlflow: Any) -> dict[str, str]:
    """What it is trained without, each with the reason: it stops no training, and somebody may look after it."""
    without = left_out(spec, model_inputs(spec, rows.table))
    for name, reason in without.items():
        log.warning("%s: trained without %s: %s", spec.name, name, reason)
    if without:
        reasons = sentence(without)
        mlflow.set_tag(TRAINED_WITHOUT, reasons[:LONGEST_TAG])
    return without


def _counts(spec: ModelSpec, snapshot: SnapshotRef, rows: Split, judged: JudgedRows) -> dict[str, float]:
    of_unknown_class = sum(unknown_classes(spec, rows).values())
    return {
        "rows_train": float(len(rows.labelled.labels)),
        "rows_holdout": float(len(judged.scores)),
        "rows_unlabelled": float(len(rows.unlabelled.labels) - of_unknown_class),
        "rows_of_unknown_class": float(of_unknown_class),
        "labels_without_row": float(sum(snapshot.labels_without_row.values())),
    }


def _log_input(mlflow: Any, spec: ModelSpec, snapshot: SnapshotRef, rows: LabelledRows) -> None:
    facts = asdict(snapshot).items()
    tags = {name: str(value) for name, value in facts if name not in LISTS_OF_NIGHTS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = mlflow.data.from_pandas(
            rows.table.slice(0, SHOWN_ROWS).to_pandas(),
            name=f"{spec.name} {snapshot.first_night} to {snapshot.last_night}",
            digest=snapshot.md5[:32],
            targets=spec.label.column,
        )
        mlflow.log_input(dataset, context="training", tags=tags)
