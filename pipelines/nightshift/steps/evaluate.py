"""The gate: may this candidate become the champion?"""

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from nightshift.contracts import Candidate, Pin, Verdict
from nightshift.errors import NoChampion
from nightshift.modelling.arrays import Float32s, Int64s
from nightshift.modelling.folds import night_of
from nightshift.modelling.gate import Aim, Answer, Behaviour, Comparison, floors, judge, judge_behaviour
from nightshift.modelling.gate.thresholds import decided_metrics
from nightshift.modelling.holdout import LabelledRows, read_split
from nightshift.modelling.label_types import label_type
from nightshift.modelling.plots.figure import laid_out
from nightshift.modelling.plots.gate import gate_figure
from nightshift.modelling.verdict_page import verdict_page
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.spec import ModelSpec
from nightshift.steps._rival import NoRival, rival_of, threshold_of
from nightshift.stores import Stores
from nightshift.stores.registry import LONGEST_TAG
from nightshift.stores.versions import Twin
from nightshift.training.evidence import read_evidence, unfitted
from nightshift.training.recipe import JudgedRows


def evaluate(spec: ModelSpec, candidate: Candidate, stores: Stores) -> Verdict:
    """Compare the candidate's out-of-fold scores with those of the champion's twin, on nights that neither saw.

    Rows of classes that the candidate was not taught are left out. Without a champion the floors and the best
    constant are the gate. Inconclusive is no. A graph is never compared with itself.
    """
    spec = spec.with_threshold(candidate.trained.threshold)
    champion = _champion(spec, stores)
    split = read_split(spec, candidate.trained.snapshot, stores)
    rows, scores = read_evidence(spec, candidate, split, stores)
    judged, not_judged = _judged(spec, candidate.trained.classes, rows, scores)
    of_scores = label_type(spec).metrics(rows.labels, judged)
    metrics = of_scores | decided_metrics(spec, rows, judged)
    missed = floors(spec, metrics)
    comparison = _compared(
        spec,
        candidate,
        champion,
        JudgedRows(rows, scores),
        stores,
    )
    objections = [*missed, *comparison.objections]
    verdict = Verdict(
        candidate,
        promote=not objections,
        reasons=objections or [comparison.outcome, *not_judged],
        champion=champion.version if champion else None,
        metrics=metrics | comparison.metrics,
        table=comparison.flat_table,
        inconclusive=comparison.inconclusive and not missed,
    )
    _record(spec, verdict, stores)
    return verdict


def _judged(
    spec: ModelSpec, classes: Sequence[str], rows: LabelledRows, scores: Float32s
) -> tuple[Float32s, list[str]]:
    """Scores of the classes that the judged nights have rows of, NaN for others; and what is said of these.

    A class that came lately, or is rare, must not keep every model from its floors.
    """
    absent = []
    judged = scores
    for place, name in enumerate(spec.label.classes):
        if name in classes and not label_type(spec).has_class(rows.labels, place).any():
            absent.append(f"no row of the judged nights is {name}: it was not judged")
            judged = judged.copy()
            judged[:, place] = np.nan
    return judged, absent


def _champion(spec: ModelSpec, stores: Stores) -> Pin | None:
    try:
        pin, _ = stores.aliases.champion(spec.name)
    except NoChampion:
        return None
    return pin


def _compared(
    spec: ModelSpec, candidate: Candidate, champion: Pin | None, judged: JudgedRows, stores: Stores
) -> Comparison:
    """What speaks for the candidate, what against it, and the numbers; without anybody to compare with, floors do."""
    if champion is None:
        return Comparison([], "the first champion")
    twin = stores.versions.twin(champion)
    rival = rival_of(spec, champion, twin.key, twin.sha256, stores)
    if isinstance(rival, NoRival):
        return Comparison([], rival.first)
    if champion.sha256 == candidate.graph.sha256:
        return Comparison([f"its graph is that of the champion, version {champion.version}"], "")
    return _against(
        spec,
        candidate,
        champion,
        twin,
        rival,
        judged,
        stores,
    )


def _against(
    spec: ModelSpec,
    candidate: Candidate,
    champion: Pin,
    twin: Twin,
    rival: OnnxGraph,
    judged: JudgedRows,
    stores: Stores,
) -> Comparison:
    """Against the champion's twin. One that was trained on fewer features is given those; nights that it was fitted on
    are left out."""
    is_fair = unfitted(judged.rows.nights, twin.fitted_through)
    note = _left_out(twin, judged.rows.nights[~is_fair])
    rows = judged.rows.only(is_fair)
    if len(rows.labels) == 0:
        return Comparison([f"inconclusive: no night is left to compare on: {note}"], "", inconclusive=True)
    comparison = judge(
        spec,
        rows,
        judged.scores[is_fair],
        rival.as_trained().score(rows.table),
        look=stores.aliases.looks(spec.name) + 1,
        aim=_aim(candidate, twin),
        against=f"version {champion.version}",
        champion_threshold=threshold_of(spec, champion, stores),
    )
    behaviour = _behaviour(spec, candidate, champion, rival, rows, stores)
    return _with_note(comparison.with_answer(behaviour), note)


def _behaviour(
    spec: ModelSpec, candidate: Candidate, champion: Pin, rival: OnnxGraph, rows: LabelledRows, stores: Stores
) -> Answer:
    """What the candidate does beside its scores, where the spec asks; its twin stands for it, on its unseen nights."""
    asked = (spec.gates.robustness, spec.gates.size_ratio, spec.gates.speed_ratio)
    evidence = candidate.evidence
    if evidence is None or not any(bound is not None for bound in asked):
        return Answer([], [])
    own = fetch(spec, evidence.twin_key, evidence.twin_sha256, stores)
    stored = stores.lake.objects.head(champion.key)
    is_unseen = unfitted(rows.nights, evidence.twin_fitted_through)
    return judge_behaviour(
        spec,
        rows.only(is_unseen),
        Behaviour(own.as_trained().score, candidate.graph.bytes),
        Behaviour(rival.as_trained().score, stored.size if stored else None),
    )


def _aim(candidate: Candidate, twin: Twin) -> Aim:
    """A retrain of the same recipe must be no worse; another recipe must be better, and so one that nobody knows."""
    known = twin.recipe_sha256
    if known and known == candidate.trained.recipe_sha256:
        return "not_worse"
    return "better"


def _with_note(comparison: Comparison, note: str) -> Comparison:
    """The same, and of which nights it is not."""
    if not note:
        return comparison
    if comparison.objections:
        return replace(comparison, objections=[*comparison.objections, note])
    return replace(comparison, outcome=f"{comparison.outcome}; {note}")


def _left_out(twin: Twin, nights: Int64s) -> str:
    """Which of the judged nights nobody is compared on, and why; empty where all of them serve."""
    different = np.unique(nights)
    if len(different) == 0:
        return ""
    first = night_of(different[0])
    last = night_of(different[-1])
    return f"{len(different)} nights left out, {first} to {last}: {twin.why}"


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
        mlflow.log_text(verdict_page(spec, verdict), "gate.md")
        drawn = gate_figure(spec, verdict.table)
        if drawn is not None:
            mlflow.log_figure(laid_out(drawn), "plots/gate.png")
