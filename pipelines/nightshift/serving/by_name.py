"""``POST /score``: rows by column names, answered with the columns of a night's predictions."""

from typing import Any

from nightshift.scoring.lone import NotPlain
from nightshift.scoring.values import ColumnValues
from nightshift.serving.dialect import Dialect
from nightshift.serving.refusal import Refusal
from nightshift.serving.table import of_rows, require_known, require_rows
from nightshift.serving.version import PublishedValues, ServedVersion


def _read(version: ServedVersion, request: Any, most_rows: int) -> tuple[dict[str, ColumnValues], int]:
    rows = request.get("rows") if isinstance(request, dict) else None
    if not isinstance(rows, list):
        raise Refusal(400, 'the body must be {"rows": [{"<column>": value, ...}, ...]}')
    require_rows(len(rows), most_rows)
    return of_rows(version, rows), len(rows)


def answered(version: ServedVersion, request: Any, published: PublishedValues, _: int) -> dict[str, Any]:
    """What is said of rows whose published values are these. Keys that a row has come back with its score."""
    predictions = []
    for place, row in enumerate(request["rows"]):
        answer = {key: row[key] for key in version.spec.keys if key in row}
        for name, values in published.items():
            answer[name] = values[place]
        predictions.append(answer)
    pin = version.pin
    return {"model": pin.model, "version": pin.version, "sha256": pin.sha256, "predictions": predictions}


def _answered_at_once(version: ServedVersion, request: Any) -> PublishedValues | None:
    """A lone plain row; None for what is accepted or refused as several rows are."""
    rows = request.get("rows") if isinstance(request, dict) else None
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        return None
    require_known(version, rows[0])
    try:
        return version.answer_row(rows[0])
    except NotPlain:
        return None


score_rows = Dialect(_read, answered, _answered_at_once)
