"""Targets of networks alone whose own library writes the artefact and reads it, in an environment of its own."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nightshift.errors import ParityFailed
from nightshift.export.elsewhere import run_elsewhere
from nightshift.export.exported import Export
from nightshift.export.operations import operations
from nightshift.export.record import ExportRecord, GraphKind
from nightshift.export.target import NETWORKS
from nightshift.export.tensors import from_tensor


@dataclass(frozen=True)
class ForeignTarget:
    """``writes`` and ``reads`` are programs that run where ``library``, as pip is told of it, is installed.

    The first is given a folder with the network and makes the artefact at ``place``, in which ``{model}`` and
    ``{version}`` stand for the export's; the second is given the artefact and golden inputs and makes scores.
    """

    name: str
    library: str
    place: str
    writes: tuple[str, ...]
    reads: tuple[str, ...]
    takes: frozenset[GraphKind] = NETWORKS

    def write(self, export: Export, folder: Path) -> str:
        """Raises ``UsageError`` where the library is not there, ``ModelError`` where it refuses the network."""
        place = self.place.format(model=export.model, version=export.version)
        artefact = folder / place
        artefact.parent.mkdir(parents=True, exist_ok=True)
        again = f"nightshift export {export.model} --version {export.version} --to {self.name} --out DIR"
        with tempfile.TemporaryDirectory(prefix="nightshift-") as work:
            plan, constants = operations(export.graph)
            Path(work, "network.onnx").write_bytes(export.graph)
            Path(work, "plan.json").write_text(plan, encoding="utf-8")
            Path(work, "constants.npz").write_bytes(constants)
            try:
                run_elsewhere(export.python, self.writes, [Path(work), artefact], self.library, again)
            except BaseException:
                # Half of an artefact would keep the folder from being written again.
                _empty(folder)
                raise
        return place

    def scores(self, record: ExportRecord, folder: Path, python: str) -> Any:
        """What the artefact gives for the golden rows. Raises as ``write`` does, and ``ParityFailed``."""
        again = f"nightshift verify-export {folder}"
        with tempfile.TemporaryDirectory(prefix="nightshift-") as work:
            inputs = Path(work, "inputs.npz")
            scores = Path(work, "scores.json")
            given = {name: from_tensor(tensor) for name, tensor in record.golden.inputs.items()}
            np.savez(inputs, **given)  # type: ignore[arg-type]
            run_elsewhere(python, self.reads, [folder / record.graph_file, inputs, scores], self.library, again)
            try:
                return json.loads(scores.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise ParityFailed(f"{self.library} gave no scores", fix=again) from error


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
