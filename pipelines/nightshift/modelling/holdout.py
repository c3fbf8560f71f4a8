"""A snapshot read back, and split by time: the last nights judge what was fitted on those before."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from nightshift.contracts import SnapshotRef
from nightshift.modelling.arrays import Booleans, Floats, Int64s
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


@dataclass(frozen=True)
class LabelledRows:
    """Rows of some nights: ``table`` (n rows), ``nights`` (n,) day ordinals, and ``labels`` (n,).

    Labels are 0 or 1, a number, or the place of a class in ``label.classes``; NaN where there was no outcome.
    """

    table: pa.Table
    labels: Floats
    nights: Int64s

    def only(self, chosen: Booleans) -> "LabelledRows":
        """The chosen of the rows, by a mask (n,)."""
        return LabelledRows(
            table=self.table.filter(pa.array(chosen)),
            labels=self.labels[chosen],
            nights=self.nights[chosen],
        )


@dataclass(frozen=True)
class Split:
    """``train`` comes before ``holdout`` in time; ``unlabelled`` rows of both never had an outcome."""

    train: LabelledRows
    holdout: LabelledRows
    unlabelled: LabelledRows

    @property
    def labelled(self) -> LabelledRows:
        """All rows with an outcome: those that what scores is fitted on."""
        return together([self.train, self.holdout])

    @property
    def all_rows(self) -> LabelledRows:
        """Every row of the window."""
        return together([self.train, self.holdout, self.unlabelled])


def together(parts: Sequence[LabelledRows]) -> LabelledRows:
    """The rows of all parts, one after the other."""
    tables = [part.table for part in parts]
    labels: Floats = np.concatenate([part.labels for part in parts])
    nights = [part.nights for part in parts]
    return LabelledRows(
        table=pa.concat_tables(tables),
        labels=labels,
        nights=np.concatenate(nights),
    )


def read_split(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> Split:
    """Fetch a snapshot by its md5 and split it. Raises ``MissingPartition``, ``LakeUnavailable``."""
    folder = stores.snapshots.checkout(snapshot.md5)
    table = read_snapshot(spec, folder)
    return split(spec, table)


def read_snapshot(spec: ModelSpec, folder: Path) -> pa.Table:
    """All rows of a snapshot's folder in order of night, then key; the partition column is a string."""
    night = pa.field(spec.partition.column, pa.string())
    schema = pa.schema([night])
    hive = ds.partitioning(schema, flavor="hive")
    dataset = ds.dataset(folder, format="parquet", partitioning=hive)
    return dataset.to_table()


def split(spec: ModelSpec, table: pa.Table) -> Split:
    """Train on all but the last ``holdout_days`` nights. Raises ``SchemaMismatch`` for labels of another kind."""
    partitions = table[spec.partition.column].to_pylist()
    nights = np.array(partitions, dtype="datetime64[D]").astype(np.int64)
    labels = label_type(spec).as_targets(table[spec.label.column])
    rows = LabelledRows(table, labels, nights)
    different = np.unique(nights)
    first_held_out = different[-spec.training.holdout_days]
    known = ~np.isnan(labels)
    early = nights < first_held_out
    return Split(
        train=rows.only(known & early),
        holdout=rows.only(known & ~early),
        unlabelled=rows.only(~known),
    )
