"""A night from its source to its predictions, whose source is corrected now and then: editions of it.

Keys say which edition a row is of, scores which version made it, as in ``world``: whatever lies in any dataset is
compared bit by bit with a pure recomputation from edition and version alone.
"""

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nightshift.contracts import Dataset, PartitionKey
from nightshift.spec import ModelSpec
from tests.faults.world import MODEL, THRESHOLD, TOKENS, VERSIONS, Wrong, make_spec

PARTITIONS = ("2024-01-01", "2024-01-02", "2024-01-03")
ROWS = {"2024-01-01": 48, "2024-01-02": 160, "2024-01-03": 90}
ROW_GROUP_ROWS = 40
# Most rows of the night that an edition breaks; they go to quarantine.
MOST_BROKEN = 6
TOO_LARGE = 90
RUN = "move-"


@lru_cache(10)
def chain_spec(shard_rows: int) -> ModelSpec:
    """The small model, whose source is this module, and whose broken rows are dropped."""
    spec = make_spec(shard_rows).model_dump(mode="json", exclude_none=True)
    items = {"type": "int16", "min": 0, "max": 63, "on_breach": "drop"}
    return ModelSpec.model_validate({
        **spec,
        "source": {"callable": "tests.faults.chain:rows_from_source"},
        "columns": {**spec["columns"], "items": items},
        "night": {"max_quarantined_share": 0.5},
    })


@dataclass
class Outside:
    """What is outside of the lake: a file per night says which edition its rows are now, another who is champion.

    Each changes at any time, in one step. Who asks gets what is so at that instant.
    """

    folder: Path

    def edition(self, partition: str) -> int:
        """The rows that who reads now gets."""
        return int((self.folder / partition).read_text())

    def correct(self, partition: str, edition: int) -> None:
        """From now on the rows of a night are another edition."""
        self._write(partition, edition)

    @property
    def move(self) -> int:
        """The last move of the champion's alias."""
        return int((self.folder / "champion").read_text())

    def promote(self, move: int) -> None:
        """From now on another version is champion."""
        self._write("champion", move)

    @property
    def milliseconds(self) -> int:
        """What the source takes to answer, after it looked at its rows."""
        return int((self.folder / "milliseconds").read_text())

    def slow_down(self, milliseconds: int) -> None:
        """From now on it takes so long."""
        self._write("milliseconds", milliseconds)

    def _write(self, name: str, number: int) -> None:
        fresh = self.folder / f"{name}.new"
        fresh.write_text(str(number))
        fresh.rename(self.folder / name)


OUTSIDE = Outside(Path())


def rows_from_source(night: Any) -> pa.Table:
    """What the model's source gives."""
    partition = night.isoformat()
    rows = raw(partition, OUTSIDE.edition(partition))
    time.sleep(OUTSIDE.milliseconds / 1000)
    return rows


def night_of(dataset: Dataset, partition: str) -> PartitionKey:
    """A night's address."""
    return PartitionKey(dataset, MODEL, "day", partition)


@lru_cache(500)
def raw(partition: str, edition: int) -> pa.Table:
    """What an edition of the source is: other rows and other keys in each, some of them broken."""
    rng = np.random.default_rng([edition, int(partition.replace("-", ""))])
    rows = ROWS[partition] - int(rng.integers(0, 8))
    items = rng.integers(0, 64, rows)
    broken = rng.choice(rows, int(rng.integers(0, MOST_BROKEN + 1)), replace=False)
    items[broken] = TOO_LARGE
    columns: dict[str, Any] = {"number": pa.array(range(rows), pa.int32())}
    columns |= {name: pa.array(rng.integers(-(2**63), 2**63, rows)) for name in TOKENS}
    columns[TOKENS[0]] = pa.array(np.full(rows, edition))
    return pa.table({**columns, "items": pa.array(items, pa.int16())})


@lru_cache(500)
def validated(partition: str, edition: int) -> pa.Table:
    """The rows of an edition that pass."""
    rows = raw(partition, edition)
    return rows.filter(pa.array(rows["items"].to_numpy() != TOO_LARGE))


@lru_cache(500)
def quarantined(partition: str, edition: int) -> pa.Table:
    """The rows of an edition that do not."""
    rows = raw(partition, edition)
    return rows.filter(pa.array(rows["items"].to_numpy() == TOO_LARGE))


@lru_cache(500)
def predictions(partition: str, edition: int, move: int) -> pa.Table:
    """What the champion of a move must publish for an edition. ``run_id`` tells the move."""
    rows = validated(partition, edition)
    version = version_of(move)
    scores = ((rows["items"].to_numpy().astype(np.float32) / 64 + np.float32(version)) / 16).astype(np.float32)
    return (
        rows
        .drop_columns(["items"])
        .append_column("score", pa.array(scores))
        .append_column("prediction", pa.array(scores >= THRESHOLD))
        .append_column("model_version", pa.repeat(version, rows.num_rows))
        .append_column("run_id", pa.repeat(run_of(move), rows.num_rows))
    )


def version_of(move: int) -> str:
    """The version that a move of the alias makes champion."""
    return VERSIONS[move % len(VERSIONS)]


def run_of(move: int) -> str:
    """The run that its pin names."""
    return f"{RUN}{move}"


def move_of(run_id: str) -> int:
    """The move whose pin names a run."""
    return int(run_id.removeprefix(RUN))


@dataclass(frozen=True)
class Made:
    """What rows were made of: the edition of the source, and of predictions the move that made the champion."""

    edition: int
    move: int = 0

    def is_older_than(self, other: "Made") -> bool:
        """Whether anything of it is."""
        return self.edition < other.edition or self.move < other.move


def judged(dataset: Dataset, partition: str, table: pa.Table) -> Made:
    """What a table is, whole and once. Raises ``Wrong``."""
    edition = _only(dataset, partition, table, TOKENS[0])
    move = 0
    if dataset is Dataset.PREDICTIONS:
        move = move_of(_only(dataset, partition, table, "run_id"))
    made = Made(edition, move)
    right = right_rows(dataset, partition, made)
    rows = table.select(right.column_names).combine_chunks().cast(right.schema)
    if not rows.equals(right.combine_chunks()):
        raise Wrong(f"{dataset} {partition}: {rows.num_rows} rows are not the {right.num_rows} of {made}")
    return made


def right_rows(dataset: Dataset, partition: str, made: Made) -> pa.Table:
    """What must lie in a dataset."""
    match dataset:
        case Dataset.RAW:
            return raw(partition, made.edition)
        case Dataset.VALIDATED:
            return validated(partition, made.edition)
        case Dataset.QUARANTINE:
            return quarantined(partition, made.edition)
        case _:
            return predictions(partition, made.edition, made.move)


def _only(dataset: Dataset, partition: str, table: pa.Table, column: str) -> Any:
    values = table[column].unique().to_pylist() if column in table.column_names else []
    if len(values) != 1:
        raise Wrong(f"{dataset} {partition}: {column} is {values} in {table.num_rows} rows")
    return values[0]
