"""Scores from elsewhere held against the golden ones: bits where they are promised, else the stated tolerance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nightshift.errors import ParityFailed
from nightshift.export.record import ExportRecord
from nightshift.export.tensors import bits_of, scores_of
from nightshift.modelling.arrays import Float32s
from nightshift.scoring.bits import other_bits

SHOWN = 5
"""Rows that an error names."""


@dataclass(frozen=True)
class Verified:
    """What came of the golden rows at ``where``: ``rows`` were compared, ``same_bits`` of them agree to the last bit.

    ``left_out`` are rows that could not be asked about.
    """

    where: str
    model: str
    version: str
    rows: int
    left_out: int
    same_bits: int
    max_difference: float
    allowed: float

    def __str__(self) -> str:
        left_out = f"; {self.left_out} with a null were left out, which it does not take" if self.left_out else ""
        who = f"{self.where} is {self.model} version {self.version}"
        if self.same_bits == self.rows:
            return f"{who}: all {self.rows} golden rows have the same bits{left_out}"
        return (
            f"{who}: {self.same_bits} of {self.rows} golden rows have the same bits, the others differ by"
            f" {self.max_difference:.1e} at most, allowed {self.allowed:.1e}{left_out}"
        )


def compare(record: ExportRecord, where: str, scores: Float32s, rows: Sequence[int], *, allowed: float) -> Verified:
    """Scores (n, k) of these golden rows. Raises ``ParityFailed`` naming rows that differ by more than is allowed."""
    golden = scores_of(record.golden.scores)[list(rows)]
    if scores.shape != golden.shape:
        raise ParityFailed(
            f"{where} gives scores of shape {scores.shape} for {len(golden)} rows with {golden.shape[1]} scores each",
            fix=_again(record),
        )
    differences = _differences(golden, scores)
    is_same = ~other_bits(golden, scores).any(axis=1)
    is_bad = ~is_same & ~(differences <= allowed)
    if is_bad.any():
        raise _differs(record, where, golden, scores, np.asarray(rows), is_bad, allowed)
    return Verified(
        where=where,
        model=record.model,
        version=record.version,
        rows=len(golden),
        left_out=len(record.golden.scores) - len(golden),
        same_bits=int(is_same.sum()),
        max_difference=float(differences.max(initial=0.0)),
        allowed=allowed,
    )


def outputs_as_scores(record: ExportRecord, output: Any) -> Float32s:
    """What a graph gave, as scores (n, k): of P(no) and P(yes) the last is the score. Raises ``ParityFailed``."""
    wanted = len(record.output.columns)
    try:
        values = np.asarray(output, np.float32)
        by_row = values.reshape(len(values), -1)
    except (TypeError, ValueError) as error:
        raise ParityFailed(f"the output {record.output.name} is no table of numbers", fix=_again(record)) from error
    return np.ascontiguousarray(by_row[:, -wanted:])


def _differences(golden: Float32s, scores: Float32s) -> Any:
    """The largest of each row, (n,); NaN is as far away as can be."""
    apart = np.abs(golden.astype(np.float64) - scores.astype(np.float64))
    return np.where(np.isnan(apart), np.inf, apart).max(axis=1)


def _differs(
    record: ExportRecord,
    where: str,
    golden: Float32s,
    scores: Float32s,
    rows: Any,
    is_bad: Any,
    allowed: float,
) -> ParityFailed:
    lines = []
    for place in np.flatnonzero(is_bad)[:SHOWN]:
        wanted = ", ".join(bits_of(golden[place]))
        came = ", ".join(bits_of(scores[place]))
        values = f"{golden[place].tolist()} was given, {scores[place].tolist()} comes"
        lines.append(f"row {rows[place]}: {values} (bits {wanted}, {came})")
    held = "the same bits" if allowed == 0 else f"a difference of {allowed:.1e} at most"
    return ParityFailed(
        f"{where} is not {record.model} version {record.version}: {int(is_bad.sum())} of {len(golden)} golden rows"
        f" differ, and {held} is promised\n  " + "\n  ".join(lines),
        fix=_again(record),
    )


def _again(record: ExportRecord) -> str:
    target = record.target or "TARGET"
    return f"nightshift export {record.model} --version {record.version} --to {target} --out DIR, and put that there"
