"""A snapshot read back, and split by time: the last nights are never trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from nightshift.contracts import SnapshotRef
from nightshift.modelling.label_types import label_type
from nightshift.modelling.label_types.base import Floats
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


@dataclass(frozen=True)
class LabelledRows:
    """Rows of some nights: ``table`` (n rows), ``nights`` (n,) day ordinals, and ``labels`` (n,).

    Labels are 0 or 1, a number, or the place of a class in ``label.classes``; NaN where there was no outcome.
    """

    table: pa.Table
    labels: Floats
    nights: NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """``train`` comes before ``holdout`` in time; ``unlabelled`` rows of both never had an outcome."""

    train: LabelledRows
    holdout: LabelledRows
    unlabelled: LabelledRows


def read_split(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> Split:
    """Fetch a snapshot by its md5 and split it. Raises ``MissingPartition``, ``LakeUnavailable``."""
    return split(spec, read_snapshot(spec, stores.snapshots.checkout(snapshot.md5)))


def read_snapshot(spec: ModelSpec, folder: Path) -> pa.Table:
    """All rows of a snapshot's folder in order of night, then key; the partition column is a string."""
    hive = ds.partitioning(pa.schema([(spec.partition.column, pa.string())]), flavor="hive")
    return ds.dataset(folder, format="parquet", partitioning=hive).to_table()


def split(spec: ModelSpec, table: pa.Table) -> Split:
    """Train on all but the last ``holdout_days`` nights. Raises ``SchemaMismatch`` for labels of another kind."""
    nights = np.array(table[spec.partition.column].to_pylist(), dtype="datetime64[D]").astype(np.int64)
    labels = label_type(spec).targets(table[spec.label.column])
    known = ~np.isnan(labels)
    first_held_out = np.unique(nights)[-spec.training.holdout_days]
    masks = (known & (nights < first_held_out), known & (nights >= first_held_out), ~known)
    return Split(*(LabelledRows(table.filter(pa.array(mask)), labels[mask], nights[mask]) for mask in masks))
