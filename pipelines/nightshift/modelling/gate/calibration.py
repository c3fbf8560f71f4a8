"""Whether scores mean what they say: the mean score beside the mean outcome, night by night."""

from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.gate.comparison import Answer, GateRow
from nightshift.modelling.gate.night_values import of_rows
from nightshift.modelling.gate.nights import night_test
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.modelling.metrics import Difference
from nightshift.spec import ModelSpec

SCORES = "calibration"


def judge_calibration(spec: ModelSpec, rows: LabelledRows, scores: Floats) -> Answer:
    """Calibration in the large of scores, against ``gates.calibration`` where it is given.

    P(label) and predictions (n,) are held against outcomes, quantiles (n, k) against the shares of outcomes at or below
    them, all of which are one question. What is surely further off than that, on average, is an objection.
    """
    bound = spec.gates.calibration
    if bound is None:
        return Answer([], [])
    table = []
    objections = []
    asked = _asked(spec, rows, scores)
    for name, excess in asked.items():
        answer = _judged(spec, rows, name, excess, bound, len(asked))
        table += answer.table
        objections += answer.objections
    return Answer(table, objections)


def _asked(spec: ModelSpec, rows: LabelledRows, scores: Floats) -> dict[str, Float64s]:
    """By how much each row's scores say more than came, (n,), by question; none of several classes."""
    label = label_type(spec)
    biases = label.biases(rows.labels, scores)
    if label.is_ordered:
        return {f"coverage {name}": biases[:, place] for place, name in enumerate(label.outcome_names)}
    if scores.ndim == 2:
        return {}
    return {SCORES: biases[:, 0]}


def _judged(
    spec: ModelSpec,
    rows: LabelledRows,
    name: str,
    excess: Float64s,
    bound: float,
    questions: int,
) -> Answer:
    values = of_rows(excess, rows.nights)
    if values.nights < spec.gates.min_nights:
        needed = f"{spec.gates.min_nights} nights"
        row = GateRow(name, values.estimate, None, None, "not judged", needed)
        return Answer([row], [])
    alpha = spent(spec.gates.confidence, look=1) / questions
    interval = night_test(values).interval(alpha)
    is_off = interval.low > bound or interval.high < -bound
    row = GateRow(
        name=name,
        estimate=interval.mean,
        low=interval.low,
        high=interval.high,
        verdict="off" if is_off else "not surely off",
        needed=f"within {bound:g} of 0",
    )
    objections = [_objection(name, interval, bound)] if is_off else []
    return Answer([row], objections)


def _objection(name: str, interval: Difference, bound: float) -> str:
    who = "scores are" if name == SCORES else f"{name} is"
    ends = f"{interval.low:+.4f} to {interval.high:+.4f}"
    off = f"{who} {interval.mean:+.4f} from the outcomes on average"
    return f"{off} (interval {ends}, allowed {bound:g})"
