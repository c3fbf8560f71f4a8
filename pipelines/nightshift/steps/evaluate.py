"""The gate: may this candidate become the champion?"""

import json
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from nightshift.contracts import Candidate, Pin, Verdict
from nightshift.errors import NoChampion, OtherLabel
from nightshift.modelling.gate import compare, floors, worse_slices
from nightshift.modelling.holdout import LabelledRows, read_split
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import row_losses
from nightshift.scoring.graph import fetch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


def evaluate(spec: ModelSpec, candidate: Candidate, stores: Stores) -> Verdict:
    """Score the candidate's holdout with its graph and the champion's, and compare.

    Without a champion the floors and the best constant are the gate. Inconclusive is no. A graph is never
    compared with itself.
    """
    champion = _champion(spec, stores)
    rows = read_split(spec, candidate.trained.snapshot, stores).holdout
    scores = fetch(spec, candidate.graph.key, candidate.graph.sha256, stores).score(rows.table)
    metrics = label_type(spec).metrics(rows.labels, scores)
    objections = floors(spec, metrics)
    if champion is None:
        reason = "the first champion"
    elif champion.sha256 == candidate.graph.sha256:
        objections.append(f"its graph is that of the champion, version {champion.version}")
        reason = ""
    else:
        reason, against, compared = _against(spec, champion, rows, scores, stores)
        objections += against
        metrics |= compared
    promote = not objections
    reasons = [reason] if promote else objections
    verdict = Verdict(candidate, promote, reasons, champion.version if champion else None, metrics)
    _record(spec, verdict, stores)
    return verdict


def _champion(spec: ModelSpec, stores: Stores) -> Pin | None:
    try:
        return stores.registry.champion(spec.name)
    except NoChampion:
        return None


def _against(
    spec: ModelSpec, champion: Pin, rows: LabelledRows, scores: NDArray[np.float32], stores: Stores
) -> tuple[str, list[str], dict[str, float]]:
    """What speaks for the candidate, what against it, and the numbers.

    A champion that was trained for another label, or on columns that are no more, says nothing here: then
    floors are the gate. One that was trained on other features that are still there is given those.
    """
    try:
        graph = fetch(spec, champion.key, champion.sha256, stores)
    except OtherLabel as error:
        return f"the first for this label; of version {champion.version}: {error.message}", [], {}
    if gone := [name for name in graph.features if name not in spec.columns]:
        return f"the first without {', '.join(gone)}, which version {champion.version} needs", [], {}
    theirs = graph.as_trained().score(rows.table)
    metric = spec.metric
    mine_losses, their_losses = row_losses(metric, rows.labels, scores), row_losses(metric, rows.labels, theirs)
    difference = compare(spec, mine_losses, their_losses, rows.nights)
    said = (
        f"{metric} {difference.mean:+.4f} against version {champion.version}"
        f" ({spec.gates.confidence:.0%} interval {difference.low:+.4f} to {difference.high:+.4f})"
    )
    against = [] if difference.better else [f"{said}: {'worse' if difference.worse else 'inconclusive'}"]
    for column in spec.gates.slices:
        against += worse_slices(spec, column, rows, mine_losses, their_losses)
    numbers = {f"gate_{name}": value for name, value in asdict(difference).items()}
    numbers[f"gate_champion_{metric}"] = float(their_losses.mean())
    return said, against, numbers


def _record(spec: ModelSpec, verdict: Verdict, stores: Stores) -> None:
    gate = {name: value for name, value in verdict.metrics.items() if name.startswith("gate_")}
    text = json.dumps(
        {
            "promote": verdict.promote,
            "reasons": verdict.reasons,
            "champion": verdict.champion,
            "metrics": verdict.metrics,
        },
        indent=1,
    )
    with (
        stores.registry.session(spec.name) as mlflow,
        mlflow.start_run(run_id=verdict.candidate.trained.run_id),
    ):
        mlflow.log_metrics(gate)
        mlflow.set_tag("nightshift.gate", "; ".join(verdict.reasons)[:4000])
        mlflow.log_text(text, "gate.json")
