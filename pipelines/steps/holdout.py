"""A snapshot read back, and split by time: the last nights are never trained on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
from numpy.typing import NDArray

from pipelines.contracts import SnapshotRef
from pipelines.spec import ModelSpec
from pipelines.stores import Stores


@dataclass(frozen=True)
class Rows:
    """Rows of some nights: ``table`` (n rows), ``labels`` (n,) in {0, 1} or NaN, ``nights`` (n,) day ordinals."""

    table: pa.Table
    labels: NDArray[np.float32]
    nights: NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """``train`` comes before ``holdout`` in time; ``unlabelled`` rows of both never had an outcome."""

    train: Rows
    holdout: Rows
    unlabelled: Rows


def read_split(spec: ModelSpec, snapshot: SnapshotRef, stores: Stores) -> Split:
    """Fetch a snapshot by its md5 and split it. Raises ``MissingPartition``, ``LakeUnavailable``."""
    return split(spec, read_snapshot(spec, stores.versions.checkout(snapshot.md5)))


def read_snapshot(spec: ModelSpec, folder: Path) -> pa.Table:
    """All rows of a snapshot's folder in order of night, then key; the partition column is a string."""
    hive = ds.partitioning(pa.schema([(spec.partition.column, pa.string())]), flavor="hive")
    return ds.dataset(folder, format="parquet", partitioning=hive).to_table()


def split(spec: ModelSpec, table: pa.Table) -> Split:
    """Train on all but the last ``holdout_days`` nights."""
    nights = np.array(table[spec.partition.column].to_pylist(), dtype="datetime64[D]").astype(np.int64)
    labels = table[spec.label.column].to_numpy().astype(np.float32)
    known = ~np.isnan(labels)
    first_held_out = np.unique(nights)[-spec.training.holdout_days]
    masks = (known & (nights < first_held_out), known & (nights >= first_held_out), ~known)
    return Split(*(Rows(table.filter(pa.array(mask)), labels[mask], nights[mask]) for mask in masks))
