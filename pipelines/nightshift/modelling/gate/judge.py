"""Whether the nights say that a challenger may follow the champion."""

import numpy as np

from nightshift.modelling.arrays import Floats
from nightshift.modelling.gate.calibration import judge_calibration
from nightshift.modelling.gate.comparison import Aim, Comparison, GateRow
from nightshift.modelling.gate.differences import Pair
from nightshift.modelling.gate.main_question import MainQuestion
from nightshift.modelling.gate.margin import margin
from nightshift.modelling.gate.nights import night_test
from nightshift.modelling.gate.slices import judge_slices
from nightshift.modelling.gate.spending import spent
from nightshift.modelling.gate.thresholds import thresholds_of
from nightshift.modelling.holdout import LabelledRows
from nightshift.spec import ModelSpec


def judge(
    spec: ModelSpec,
    rows: LabelledRows,
    challenger: Floats,
    champion: Floats,
    *,
    look: int = 1,
    aim: Aim = "better",
    against: str = "the champion",
    champion_threshold: float | None = None,
) -> Comparison:
    """Hold a challenger against the champion by their scores, (n,) or (n, k), of rows that neither was fitted on.

    ``look`` counts the challengers that this champion has been held against, this one included. ``aim`` is what the
    challenger must be where the spec does not say. Where a training learns the threshold, ``champion_threshold`` is the
    champion's own; no night decides the one that it is judged by.
    """
    thresholds = thresholds_of(spec, rows, challenger, champion, published=champion_threshold)
    pair = Pair(spec, rows, challenger, champion, thresholds)
    metric = spec.judged_by
    question = MainQuestion(
        spec=spec,
        values=pair.values(metric),
        aim=spec.gates.promote or aim,
        margin=margin(pair, metric),
        look=look,
        against=against,
    )
    losses = pair.losses(spec.metric, challenger) - pair.losses(spec.metric, champion)
    slices = judge_slices(spec, spec.gates.slices, rows, losses)
    calibration = judge_calibration(spec, rows, challenger)
    others = [*calibration.objections, *slices.objections]
    return Comparison(
        objections=[*question.objections, *others],
        outcome=question.outcome,
        metrics={**question.metrics, f"gate_champion_{metric}": pair.champions_value(metric)},
        table=[question.row, *_for_information(pair, look), *calibration.table, *slices.table],
        inconclusive=question.is_inconclusive and not others,
    )


def _for_information(pair: Pair, look: int) -> list[GateRow]:
    """Metrics that do not decide here, with their intervals."""
    rows: list[GateRow] = []
    spec = pair.spec
    if len(np.unique(pair.rows.nights)) < spec.gates.min_nights:
        return rows
    for metric in sorted(spec.label.ranks - {spec.judged_by}):
        values = pair.values(metric)
        if values is not None:
            alpha = spent(spec.gates.confidence, look)
            interval = night_test(values).interval(alpha)
            rows.append(GateRow(metric, -interval.mean, -interval.high, -interval.low, "for information"))
    return rows
