"""A folder that ``nightshift export`` wrote, opened with ONNX Runtime and asked for its golden rows."""

from pathlib import Path

from nightshift.errors import UnsafeGraph
from nightshift.export.comparison import Verified, compare, outputs_as_scores
from nightshift.export.record import ExportRecord
from nightshift.export.tensors import from_tensor
from nightshift.export.written import read_record
from nightshift.scoring.inspection import inspect
from nightshift.scoring.machine import cpu_kernels
from nightshift.scoring.providers import open_session, refusals
from nightshift.stores.by_content import require_digest

CPU = "cpu"


def verify_folder(folder: Path) -> Verified:
    """Nothing of the folder is run but its graph. Bits are asked for where they are promised.

    Raises ``UsageError``, ``UnreadableRecord``, ``UnsafeGraph`` for a graph that is not the one that was exported,
    ``ModelError`` where ONNX Runtime does not run it, ``ParityFailed``.
    """
    record = read_record(folder)
    body = _graph(folder, record)
    session = open_session(body, CPU, record.model)
    inputs = {name: from_tensor(tensor) for name, tensor in record.golden.inputs.items()}
    with refusals(record.model):
        (output,) = session.run([record.output.name], inputs)
    scores = outputs_as_scores(record, output)
    allowed = 0.0 if is_promised(record) else record.tolerance
    return compare(record, str(folder), scores, range(len(record.golden.scores)), allowed=allowed)


def is_promised(record: ExportRecord) -> bool:
    """Whether this machine has to give the bits that were written on another."""
    import onnxruntime

    return record.onnxruntime == onnxruntime.__version__ and record.cpu == cpu_kernels()


def _graph(folder: Path, record: ExportRecord) -> bytes:
    """The graph's bytes. An address that leads out of the folder is none."""
    file = (folder / record.graph_file).resolve()
    if not file.is_relative_to(folder.resolve()) or not file.is_file():
        raise UnsafeGraph(f"{folder} has no graph at {record.graph_file}", fix=ExportRecord.remedy)
    body = file.read_bytes()
    require_digest(body, record.graph_sha256, str(file), fix=ExportRecord.remedy, error=UnsafeGraph)
    # ONNX Runtime's own format is no ONNX, and cannot be looked into.
    if file.suffix == ".onnx":
        inspect(body, record.model)
    return body
