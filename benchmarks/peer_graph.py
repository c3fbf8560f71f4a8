"""The graph in a peer's worker: Arrow rows in, predictions out. Only numpy, pyarrow and ONNX Runtime, as peers have.

It does what ``nightshift.scoring.feeds`` and ``nightshift.scoring.graph`` do, without importing them: a peer's
environment has no Nightshift.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.compute as pc

METADATA = "nightshift.feeds"
ROWS_PER_CALL = 2048


class PeerGraph:
    """One session of one thread; engines run one of these per core."""

    def __init__(self, file: Path, keys: Sequence[str], threshold: float) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(file.read_bytes(), options, providers=["CPUExecutionProvider"])
        self._feeds = feeds_of(self._session)
        self._keys, self._threshold = keys, threshold

    def columns(self, rows: pa.Table | pa.RecordBatch) -> dict[str, Any]:
        """Keys, ``score`` float32 and ``prediction`` bool, each as long as ``rows``."""
        scores = self.score(rows)
        kept = {key: rows.column(key) for key in self._keys}
        return {**kept, "score": pa.array(scores), "prediction": pa.array(scores >= self._threshold)}

    def score(self, rows: pa.Table | pa.RecordBatch) -> np.ndarray:
        """float32, shape (rows,)."""
        inputs = matrices(self._feeds, rows)
        scores = np.empty(rows.num_rows, np.float32)
        for start in range(0, rows.num_rows, ROWS_PER_CALL):
            end = start + ROWS_PER_CALL
            (found,) = self._session.run(["score"], {name: values[start:end] for name, values in inputs.items()})
            scores[start:end] = found[:, -1]
        return scores


@lru_cache(maxsize=1)
def opened(file: Path, keys: tuple[str, ...], threshold: float) -> PeerGraph:
    """One graph per process, for workers that outlive a task."""
    return PeerGraph(file, keys, threshold)


def feeds_of(session: ort.InferenceSession) -> dict[str, Any]:
    """What the graph's metadata says of its inputs: ``numbers``, ``codes``, ``categories``."""
    return dict(json.loads(session.get_modelmeta().custom_metadata_map[METADATA]))


def needed(file: Path, keys: Sequence[str]) -> list[str]:
    """The columns that a night is read with: the keys, and what the graph is fed."""
    feeds = feeds_of(ort.InferenceSession(file.read_bytes(), providers=["CPUExecutionProvider"]))
    return list(dict.fromkeys([*keys, *feeds["numbers"], *feeds.get("codes", [])]))


def matrices(feeds: dict[str, Any], rows: pa.Table | pa.RecordBatch) -> dict[str, np.ndarray]:
    """``numbers`` float32 (n, k) with NaN for null; where asked for, ``codes`` int64 (n, c)."""
    kinds = {"numbers": np.float32, "codes": np.int64}
    found = {}
    for name, kind in kinds.items():
        columns = feeds.get(name, [])
        if name == "numbers" or columns:
            found[name] = np.empty((rows.num_rows, len(columns)), kind)
            for position, column in enumerate(columns):
                found[name][:, position] = _values(rows.column(column), feeds["categories"].get(column))
    return found


def _values(values: pa.Array | pa.ChunkedArray, known: list[str] | None) -> np.ndarray:
    whole = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if known is None:
        return whole.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False)
    found = pc.index_in(pc.fill_null(whole, ""), value_set=pa.array(known, whole.type))
    return pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
