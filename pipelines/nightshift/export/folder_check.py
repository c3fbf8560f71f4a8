"""A folder that ``nightshift export`` wrote, opened by what its target opens it with, and asked for its golden rows."""

from pathlib import Path

from nightshift.errors import UnsafeGraph
from nightshift.export.artefact import body_at
from nightshift.export.comparison import Verified, compare, outputs_as_scores
from nightshift.export.foreign import ForeignTarget
from nightshift.export.record import ExportRecord
from nightshift.export.targets import TARGETS
from nightshift.export.tensors import from_tensor
from nightshift.export.written import read_record
from nightshift.scoring.inspection import inspect
from nightshift.scoring.machine import cpu_kernels
from nightshift.scoring.providers import open_session, refusals
from nightshift.stores.by_content import require_digest

CPU = "cpu"


def verify_folder(folder: Path, python: str = "") -> Verified:
    """Nothing of the folder is run but its graph. Bits are asked for where they are promised.

    A target with a library of its own is asked in the environment of ``python``, and held to the tolerance. Raises
    ``UsageError``, ``UnreadableRecord``, ``UnsafeGraph`` for a graph that is not the one that was exported,
    ``ModelError`` where it cannot be run, ``ParityFailed``.
    """
    record = read_record(folder)
    body = _graph(folder, record)
    rows = range(len(record.golden.scores))
    target = TARGETS.get(record.target)
    if isinstance(target, ForeignTarget):
        given = outputs_as_scores(record, target.scores(record, folder, python))
        return compare(record, str(folder), given, rows, allowed=record.tolerance)
    session = open_session(body, CPU, record.model)
    inputs = {name: from_tensor(tensor) for name, tensor in record.golden.inputs.items()}
    with refusals(record.model):
        (output,) = session.run([record.output.name], inputs)
    scores = outputs_as_scores(record, output)
    allowed = 0.0 if is_promised(record) else record.tolerance
    return compare(record, str(folder), scores, rows, allowed=allowed)


def is_promised(record: ExportRecord) -> bool:
    """Whether this machine has to give the bits that were written on another."""
    import onnxruntime

    return record.onnxruntime == onnxruntime.__version__ and record.cpu == cpu_kernels()


def _graph(folder: Path, record: ExportRecord) -> bytes:
    """The graph's bytes."""
    body = body_at(folder, record.graph_file)
    where = str(folder / record.graph_file)
    require_digest(body, record.graph_sha256, where, fix=ExportRecord.remedy, error=UnsafeGraph)
    # ONNX Runtime's own format is no ONNX, and cannot be looked into.
    if record.graph_file.endswith(".onnx"):
        inspect(body, record.model)
    return body
