"""The small chart of a model in the index."""

from collections.abc import Sequence
from dataclasses import dataclass

from nightshift.charts import Scale, bars
from nightshift.pages.index import SPARK, ModelRow


@dataclass(frozen=True)
class Spark:
    """Rows of the last nights as bars, those that alarmed apart; newest at the right."""

    quiet: str
    alarmed: str
    width: int
    title: str


def spark_of(row: ModelRow) -> Spark:
    """Of a row of the index; where there are fewer nights than places, the left is empty."""
    empty: list[float | None] = [None] * (SPARK - len(row.rows))
    shift = len(empty)
    rows = [*empty, *(float(rows) for rows in row.rows)]
    alarmed = {place + shift for place in row.alarmed}
    scale = Scale.over(rows, 0.0, 1.0)
    return Spark(
        quiet=bars(_only(rows, alarmed, wanted=False), scale),
        alarmed=bars(_only(rows, alarmed, wanted=True), scale),
        width=SPARK,
        title=f"rows of the last {len(row.rows)} nights; {len(row.alarmed)} of them alarmed",
    )


def _only(rows: Sequence[float | None], places: set[int], *, wanted: bool) -> list[float | None]:
    return [value if (place in places) == wanted else None for place, value in enumerate(rows)]
