"""How good earlier nights were, as a chart and a table."""

from collections.abc import Sequence
from typing import Any

from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import ReportColumn
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.report.chart import CHART
from nightshift.spec import ModelSpec


def loss_line(records: Sequence[Accuracy]) -> dict[str, Any] | None:
    """The loss of each labelled night as points of a chart, with the limits; None without a labelled night."""
    labelled = [(record, loss) for record in records if (loss := loss_of(record)) is not None]
    if not labelled:
        return None
    losses = [loss for _, loss in labelled]
    limits = [record.limit for record, _ in labelled if record.limit is not None]
    highest = 1.1 * max([*losses, *limits]) or 1.0
    width, height = CHART

    def place(index: int, value: float) -> tuple[float, float]:
        x = (index + 0.5) * width / len(labelled)
        y = height * (1 - value / highest)
        return x, y

    loss_points = []
    limit_points = []
    for index, (record, loss) in enumerate(labelled):
        loss_points.append((record, *place(index, loss)))
        if record.limit is not None:
            limit_points.append(place(index, record.limit))
    return {"points": loss_points, "limits": limit_points}


def loss_of(record: Accuracy) -> float | None:
    """The metric that a record's limit is about."""
    loss = record.loss
    return record.metrics[loss]


def number(value: float | None, digits: int = 3) -> str:
    """For people: losses of some labels are in the thousands."""
    if value is None:
        return "-"
    if abs(value) < 10:
        return f"{value:.{digits}f}"
    return f"{value:,.1f}"


def accuracy_columns(spec: ModelSpec, records: Sequence[Accuracy]) -> list[ReportColumn]:
    """The columns of the table besides loss and limit."""
    losses = {record.loss for record in records}
    columns = []
    for column in label_type(spec).report_columns:
        if column.metric not in losses:
            columns.append(column)
    return columns
