"""``POST /score``: rows by column names, answered with the columns of a night's predictions."""

from typing import Any

from nightshift.serving.refusal import Refusal
from nightshift.serving.table import of_rows, require_rows
from nightshift.serving.version import PublishedValues, ServedVersion


def score_rows(version: ServedVersion, request: Any, most_rows: int) -> tuple[dict[str, Any], int]:
    """The answer, and how many rows it has. Keys that a row has come back with its score.

    Raises ``Refusal``, and as ``ServedVersion.answer``.
    """
    rows = request.get("rows") if isinstance(request, dict) else None
    if not isinstance(rows, list):
        raise Refusal(400, 'the body must be {"rows": [{"<column>": value, ...}, ...]}')
    require_rows(len(rows), most_rows)
    columns = of_rows(version, rows)
    published = version.answer(columns, len(rows))
    return answered(version, rows, published), len(rows)


def answered(version: ServedVersion, rows: list[dict[str, Any]], published: PublishedValues) -> dict[str, Any]:
    """What is said of rows whose published values are these."""
    predictions = []
    for place, row in enumerate(rows):
        answer = {key: row[key] for key in version.spec.keys if key in row}
        for name, values in published.items():
            answer[name] = values[place]
        predictions.append(answer)
    pin = version.pin
    return {"model": pin.model, "version": pin.version, "sha256": pin.sha256, "predictions": predictions}
