"""What the gate said of a candidate, as a page for the person who looks at it; Markdown.

Names and values of the data stand in it, so every text is written as one that nothing obeys.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from nightshift.contracts import Verdict
from nightshift.markdown import as_markdown
from nightshift.spec import ModelSpec

MOST_ROWS = 200
COLUMNS = {
    "name": "question",
    "estimate": "estimate",
    "low": "from",
    "high": "to",
    "verdict": "verdict",
    "needed": "what it would have needed",
}
"""The fields of a row of ``Verdict.table``, in this order, and what stands over them."""


def verdict_page(spec: ModelSpec, verdict: Verdict, most_rows: int = MOST_ROWS) -> str:
    """The answer, its reasons, a table of all questions, and the numbers."""
    rows = verdict.table
    reasons = [f"- {as_markdown(reason)}" for reason in verdict.reasons]
    parts = [
        f"# {as_markdown(spec.name)} version {verdict.candidate.version}: {answer(verdict)}",
        _against(verdict),
        "\n".join(reasons),
        _table(rows[:most_rows]),
    ]
    left_out = len(rows) - most_rows
    if left_out > 0:
        parts.append(f"{left_out:,} more questions are in `gate.md` of the MLflow run.")
    parts.append(_metrics(verdict.metrics))
    return "\n\n".join(part for part in parts if part) + "\n"


def answer(verdict: Verdict) -> str:
    """What the gate said, in a word."""
    if verdict.promote:
        return "passed"
    return "inconclusive" if verdict.inconclusive else "failed"


def _against(verdict: Verdict) -> str:
    trained = verdict.candidate.trained.snapshot
    learnt = f"Learnt from nights {trained.first_night} to {trained.last_night}"
    if verdict.champion is None:
        return f"{learnt}; there is no champion to compare it with."
    return f"{learnt}; compared with the champion, version {verdict.champion}."


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    known: set[str] = set()
    for row in rows:
        known |= row.keys()
    # A later gate may say more of a question than is known here.
    extra = sorted(known - COLUMNS.keys())
    names = [
        *COLUMNS.values(),
        *extra,
    ]
    lines = _head(names)
    for row in rows:
        cells = [_cell(row.get(key)) for key in [*COLUMNS, *extra]]
        lines.append(_line(cells))
    return "\n".join(lines)


def _metrics(metrics: Mapping[str, float]) -> str:
    if not metrics:
        return ""
    lines = _head(["metric", "value"])
    for name, value in sorted(metrics.items()):
        lines.append(_line([_cell(name), _cell(value)]))
    return "\n".join(lines)


def _head(names: Sequence[str]) -> list[str]:
    rule = ["---"] * len(names)
    return [
        _line(names),
        _line(rule),
    ]


def _line(cells: Sequence[str]) -> str:
    content = " | ".join(cells)
    return f"| {content} |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return as_markdown(str(value))
