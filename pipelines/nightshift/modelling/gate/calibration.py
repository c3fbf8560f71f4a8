"""Whether scores mean what they say: the mean score beside the mean outcome, night by night."""

from nightshift.modelling.arrays import Float64s, Floats
from nightshift.modelling.gate.comparison import Answer, GateRow
from nightshift.modelling.gate.night_values import of_rows
from nightshift.modelling.gate.nights import night_test
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.holdout import LabelledRows
from nightshift.spec import ModelSpec


def judge_calibration(spec: ModelSpec, rows: LabelledRows, scores: Floats) -> Answer:
    """Calibration in the large of P(label) or of predictions (n,), against ``gates.calibration`` where it is given.

    Scores that are surely further from the outcomes than that, on average, are an objection.
    """
    bound = spec.gates.calibration
    if scores.ndim == 2 or bound is None:
        return Answer([], [])
    excess: Float64s = scores.astype("float64") - rows.labels
    values = of_rows(excess, rows.nights)
    if values.nights < spec.gates.min_nights:
        row = GateRow("calibration", values.estimate, None, None, "not judged", f"{spec.gates.min_nights} nights")
        return Answer([row], [])
    interval = night_test(values).interval(spent(spec.gates.confidence, look=1))
    is_off = interval.low > bound or interval.high < -bound
    verdict = "off" if is_off else "not surely off"
    row = GateRow("calibration", interval.mean, interval.low, interval.high, verdict, f"within {bound:g} of 0")
    if not is_off:
        return Answer([row], [])
    objection = (
        f"scores are {interval.mean:+.4f} from the outcomes on average"
        f" (interval {interval.low:+.4f} to {interval.high:+.4f}, allowed {bound:g})"
    )
    return Answer([row], [objection])
