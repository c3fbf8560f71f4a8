"""The gate: may this candidate become the champion?"""

import json

import numpy as np

from nightshift.contracts import Candidate, Pin, Verdict
from nightshift.errors import ModelError, NoChampion, OtherLabel
from nightshift.modelling.arrays import Float32s
from nightshift.modelling.gate import Behaviour, Comparison, floors, judge, judge_behaviour
from nightshift.modelling.holdout import LabelledRows, read_split
from nightshift.modelling.label_types import label_type
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.registry import LONGEST_TAG


def evaluate(spec: ModelSpec, candidate: Candidate, stores: Stores) -> Verdict:
    """Score the candidate's holdout with its graph and the champion's, and compare.

    Rows of classes that the candidate was not taught are left out. Without a champion the floors and the best
    constant are the gate. Inconclusive is no. A graph is never
    compared with itself.
    """
    spec = spec.with_threshold(candidate.trained.threshold)
    champion = _champion(spec, stores)
    graph = fetch(spec, candidate.graph.key, candidate.graph.sha256, stores)
    rows = _of_classes(spec, graph.classes, read_split(spec, candidate.trained.snapshot, stores).holdout)
    scores = graph.score(rows.table)
    judged, not_judged = _judged(spec, graph.classes, rows, scores)
    metrics = label_type(spec).metrics(rows.labels, judged)
    objections = floors(spec, metrics)
    table: list[dict[str, str | float | None]] = []
    is_inconclusive = False
    if champion is None:
        reason = "the first champion"
    elif _lacks_threshold(spec, champion, stores):
        share = spec.predict.share
        reason = f"the first for predict.share {share}, for which version {champion.version} has no threshold"
    elif champion.sha256 == candidate.graph.sha256:
        reason = ""
        objections.append(f"its graph is that of the champion, version {champion.version}")
    else:
        comparison = _against(spec, champion, candidate, graph, rows, scores, stores)
        reason = comparison.outcome
        is_inconclusive = comparison.inconclusive and not objections
        table = comparison.flat_table
        objections += comparison.objections
        metrics |= comparison.metrics
    verdict = Verdict(
        candidate,
        promote=not objections,
        reasons=objections or [reason, *not_judged],
        champion=champion.version if champion else None,
        metrics=metrics,
        table=table,
        inconclusive=is_inconclusive,
    )
    _record(spec, verdict, stores)
    return verdict


def _of_classes(spec: ModelSpec, classes: tuple[str, ...], rows: LabelledRows) -> LabelledRows:
    """The rows of these classes. Of one that had too few rows to be learnt the candidate says nothing."""
    places = [place for place, name in enumerate(spec.label.classes) if name in classes]
    if len(places) == len(spec.label.classes):
        return rows
    return rows.only(np.isin(rows.labels, places))


def _judged(
    spec: ModelSpec, classes: tuple[str, ...], rows: LabelledRows, scores: Float32s
) -> tuple[Float32s, list[str]]:
    """Scores of the classes that the holdout has rows of, NaN for others; and what is said of these.

    A class that came lately, or is rare, must not keep every model from its floors.
    """
    absent = []
    judged = scores
    for place, name in enumerate(spec.label.classes):
        if name in classes and not (rows.labels == place).any():
            absent.append(f"no row of the holdout is {name}: it was not judged")
            judged = judged.copy()
            judged[:, place] = np.nan
    return judged, absent


def _champion(spec: ModelSpec, stores: Stores) -> Pin | None:
    try:
        pin, _ = stores.aliases.champion(spec.name)
    except NoChampion:
        return None
    return pin


def _lacks_threshold(spec: ModelSpec, champion: Pin, stores: Stores) -> bool:
    """Whether the champion cannot say which share to flag, so that nothing is predicted until another does."""
    if spec.predict.share is None:
        return False
    try:
        stores.versions.threshold(champion, spec.predict.share)
    except ModelError:
        return True
    return False


def _against(
    spec: ModelSpec,
    champion: Pin,
    candidate: Candidate,
    own: OnnxGraph,
    rows: LabelledRows,
    scores: Float32s,
    stores: Stores,
) -> Comparison:
    """What speaks for the candidate, what against it, and the numbers.

    A champion that was trained for another label, or on features that are none any more, says nothing here: then
    floors are the gate. One that was trained on fewer is given those.
    """
    try:
        graph = fetch(spec, champion.key, champion.sha256, stores)
    except OtherLabel as error:
        return Comparison([], f"the first for this label; of version {champion.version}: {error.message}")
    gone = [name for name in graph.features if name not in spec.features]
    if gone:
        return Comparison([], f"the first without {', '.join(gone)}, which version {champion.version} needs")
    rival = graph.as_trained()
    stored = stores.lake.objects.head(champion.key)
    comparison = judge(
        spec,
        rows,
        scores,
        rival.score(rows.table),
        against=f"version {champion.version}",
    )
    behaviour = judge_behaviour(
        spec,
        rows,
        Behaviour(own.score, candidate.graph.bytes),
        Behaviour(rival.score, stored.size if stored else None),
    )
    return comparison.with_answer(behaviour)


def _record(spec: ModelSpec, verdict: Verdict, stores: Stores) -> None:
    comparison = {name: value for name, value in verdict.metrics.items() if name.startswith("gate_")}
    content = {
        "promote": verdict.promote,
        "reasons": verdict.reasons,
        "champion": verdict.champion,
        "metrics": verdict.metrics,
        "inconclusive": verdict.inconclusive,
        "table": verdict.table,
    }
    run_id = verdict.candidate.trained.run_id
    with stores.registry.session(spec.name) as mlflow, mlflow.start_run(run_id=run_id):
        mlflow.log_metrics(comparison)
        mlflow.set_tag("nightshift.gate", "; ".join(verdict.reasons)[:LONGEST_TAG])
        mlflow.log_text(json.dumps(content, indent=1), "gate.json")
