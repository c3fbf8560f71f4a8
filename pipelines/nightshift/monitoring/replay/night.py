"""Score rows that were answered by day once more, in batch, by the digest that answered each, and compare the bits."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightshift.contracts import Pin
from nightshift.errors import DataError, LaterRecord, ModelError, UnreadableRecord
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.replay.files import due_files
from nightshift.monitoring.replay.online import OnlineDrift, OnlineTally, begin_tally
from nightshift.monitoring.replay.record import (
    MOST_EXAMPLES,
    FileReplay,
    ReplayNight,
    VersionReplay,
    read_replay,
    record_of,
)
from nightshift.scoring.bits import other_bits
from nightshift.scoring.graph import OnnxGraph, fetch
from nightshift.scoring.kept_rows import (
    REQUEST_ID,
    KeptColumns,
    KeptFile,
    as_floats,
    from_parquet,
    score_columns,
)
from nightshift.scoring.machine import kernels_here
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

UNREADABLE = "unreadable"
OTHER_KERNELS = "other_kernels"
UNKNOWN_VERSION = "unknown_version"
OTHER_COLUMNS = "other_columns"
REASONS = (UNREADABLE, OTHER_KERNELS, UNKNOWN_VERSION, OTHER_COLUMNS)
"""Why rows cannot be scored again: the file cannot be read; a machine with other kernels answered, of whose bits
nothing is promised; no sealed record names the digest, or its graph is gone; model.yaml has other columns since."""


def replay_night(spec: ModelSpec, night: str, stores: Stores) -> ReplayNight | None:
    """What a night makes of all rows that were kept and not replayed yet; None where there are none.

    Run again it replays its own rows again, unless some of them are gone by now: then its record from before stands.
    Raises ``LaterRecord``, ``LakeUnavailable``.
    """
    before = _said_before(spec, night, stores)
    files = due_files(spec.name, night, stores)
    if before is not None and not set(before.files) <= set(files):
        return before
    if not files:
        return None
    replay = _Replay(spec, stores)
    outcomes = [replay.file(key) for key in files]
    record = record_of(spec.name, night, files, outcomes)
    drifts = replay.drifts(night)
    versions = {}
    for version, replayed in record.versions.items():
        versions[version] = replayed.model_copy(update={"drift": drifts.get(version)})
    return record.model_copy(update={"versions": versions})


def _said_before(spec: ModelSpec, night: str, stores: Stores) -> ReplayNight | None:
    """A damaged record is written anew; what a later version wrote is not."""
    try:
        return read_replay(spec.name, night, stores)
    except LaterRecord:
        raise
    except UnreadableRecord:
        return None


@dataclass(frozen=True)
class _Opened:
    """A version that answered by day; ``spec`` decides from its threshold on."""

    spec: ModelSpec
    graph: OnnxGraph
    tally: OnlineTally | None


@dataclass
class _Replay:
    """Versions are opened once for all files that name them."""

    spec: ModelSpec
    stores: Stores
    opened: dict[tuple[str, str], _Opened | str] = field(default_factory=dict)

    def file(self, key: str) -> FileReplay:
        """What came of one; of a file that is gone since it was listed, nothing."""
        stored = self.stores.lake.objects.get(key)
        if stored is None:
            return FileReplay()
        body, _ = stored
        try:
            table, kept_file = from_parquet(body, f"{self.stores.lake.objects.uri}/{key}")
        except UnreadableRecord:
            # How many rows it had, nobody knows.
            return FileReplay(rows=1, reason=UNREADABLE)
        if kept_file.kernels != kernels_here():
            return FileReplay(rows=table.num_rows, reason=OTHER_KERNELS)
        opened = self._version(kept_file)
        if isinstance(opened, str):
            return FileReplay(rows=table.num_rows, reason=opened)
        return _scored(table, kept_file, opened)

    def drifts(self, night: str) -> dict[str, OnlineDrift]:
        """That of all rows of each version."""
        drifts = {}
        for (version, _), opened in self.opened.items():
            tally = opened.tally if isinstance(opened, _Opened) else None
            if tally is not None and tally.rows:
                drifts[version] = tally.drift(self.spec, night)
        return drifts

    def _version(self, kept_file: KeptFile) -> _Opened | str:
        named = (kept_file.version, kept_file.sha256)
        if named not in self.opened:
            self.opened[named] = self._open(kept_file)
        return self.opened[named]

    def _open(self, kept_file: KeptFile) -> _Opened | str:
        """By the version's sealed record: a file of rows is not sealed, and may name anything."""
        pin = self._pin(kept_file)
        if pin is None:
            return UNKNOWN_VERSION
        try:
            threshold = self.stores.versions.learnt_threshold(pin, self.spec.predict.learnt_by)
            own = self.spec.with_threshold(threshold)
            graph = fetch(own, pin.key, pin.sha256, self.stores)
            return _Opened(own, graph, begin_tally(pin, self.stores))
        except DataError:
            return UNKNOWN_VERSION
        except ModelError:
            return OTHER_COLUMNS

    def _pin(self, kept_file: KeptFile) -> Pin | None:
        try:
            record = self.stores.versions.record(self.spec.name, kept_file.version)
        except (ModelError, UnreadableRecord):
            return None
        return record.pin if record and record.onnx_sha256 == kept_file.sha256 else None


def _scored(table: pa.Table, kept_file: KeptFile, opened: _Opened) -> FileReplay:
    graph = opened.graph
    try:
        rows = KeptColumns(opened.spec, graph).as_night(table, kept_file.personal)
        scores = graph.score_fed(graph.fed(rows), rows.num_rows)
    except (KeyError, ModelError):
        return FileReplay(rows=table.num_rows, reason=OTHER_COLUMNS)
    label = label_type(opened.spec)
    names = [field.name for field in label.published_fields()]
    published = dict(zip(names, label.published_columns(scores), strict=True))
    if opened.tally is not None:
        columns = {name: rows[name].combine_chunks() for name in rows.column_names}
        opened.tally.add(columns | published, rows.num_rows)
    batch = {name: as_floats(values) for name, values in published.items() if pa.types.is_float32(values.type)}
    return FileReplay(version=kept_file.version, rows=table.num_rows, replayed=compared(table, batch))


def compared(table: pa.Table, batch: dict[str, NDArray[np.float32]]) -> VersionReplay:
    """Kept rows beside the scores that a batch gives them, float32 by column, shape (n,)."""
    answered = score_columns(table)
    is_skewed = np.zeros(table.num_rows, np.bool_)
    largest: float | None = None
    for name, by_day in answered.items():
        by_night = batch.get(name, np.full(table.num_rows, np.nan, np.float32))
        is_other = other_bits(by_day, by_night)
        is_skewed |= is_other
        largest = _larger(largest, by_day[is_other], by_night[is_other])
    ids = table[REQUEST_ID].filter(pa.array(is_skewed)).slice(0, MOST_EXAMPLES)
    return VersionReplay(
        rows=table.num_rows,
        skew_rows=int(np.count_nonzero(is_skewed)),
        largest=largest,
        examples=tuple(dict.fromkeys(ids.to_pylist())),
    )


def _larger(largest: float | None, by_day: NDArray[np.float32], by_night: NDArray[np.float32]) -> float | None:
    apart = np.abs(by_day.astype(np.float64) - by_night)
    finite = apart[np.isfinite(apart)]
    known = [] if largest is None else [largest]
    return max([*known, *finite.tolist()], default=None)
