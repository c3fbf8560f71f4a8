"""A network learnt by several processes of this machine, which ``torchrun`` starts and gloo joins."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from nightshift.errors import ModelError
from nightshift.training.networks.array_file import unpacked
from nightshift.training.networks.checkpoints import Checkpoints, FolderCheckpoints
from nightshift.training.networks.job import NetworkJob
from nightshift.training.networks.learn import LearntNetwork, checkpoint_names
from nightshift.training.networks.weights import NetworkWeights

WORKER = "nightshift.training.networks.worker"
JOB = "job.bin"
RESULT = "result.bin"
REFUSAL = "refusal.txt"
OUTPUT = "output.txt"
CHECKPOINTS = "checkpoints"
LOOK_SECONDS = 0.2
LAST_LINES = 5


def learn_together(job: NetworkJob, checkpoints: Checkpoints | None) -> LearntNetwork:
    """As ``learn`` does, by ``processes`` of the job's options.

    Raises ``ArithmeticError`` as it does, ``ModelError`` when the processes end without a result.
    """
    with tempfile.TemporaryDirectory(prefix="nightshift-") as place:
        folder = Path(place)
        (folder / JOB).write_bytes(job.to_bytes())
        relay = _Relay(folder / CHECKPOINTS, checkpoints)
        relay.bring(checkpoint_names(job, job.options.processes))
        with (folder / OUTPUT).open("wb") as output:
            process = subprocess.Popen(_command(job, folder), stdout=output, stderr=output)
            try:
                while process.poll() is None:
                    relay.pass_on()
                    time.sleep(LOOK_SECONDS)
            finally:
                process.terminate()
                process.wait()
        return _result(job, folder)


def _command(job: NetworkJob, folder: Path) -> list[str]:
    processes = job.options.processes
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        f"--nproc-per-node={processes}",
        "--module",
        WORKER,
        str(folder),
        str(os.getpid()),
    ]


class _Relay:
    """Checkpoints between the folder of the processes and the place where they are kept."""

    def __init__(self, folder: Path, kept: Checkpoints | None) -> None:
        self._folder = folder
        self._kept = kept
        self._passed: dict[str, int] = {}
        folder.mkdir()

    def bring(self, names: Iterable[str]) -> None:
        """What was kept under these names."""
        if self._kept is None:
            return
        brought = FolderCheckpoints(self._folder)
        for name in names:
            body = self._kept.read(name)
            if body is not None:
                brought.write(name, body)

    def pass_on(self) -> None:
        """What the processes wrote since."""
        if self._kept is None:
            return
        for file in self._folder.glob("*.bin"):
            written = file.stat().st_mtime_ns
            if self._passed.get(file.name) != written:
                self._kept.write(file.stem, file.read_bytes())
                self._passed[file.name] = written


def _result(job: NetworkJob, folder: Path) -> LearntNetwork:
    refusal = folder / REFUSAL
    if refusal.exists():
        raise ArithmeticError(refusal.read_text())
    result = folder / RESULT
    if not result.exists():
        output = (folder / OUTPUT).read_text(errors="replace")
        last = output.strip().splitlines()[-LAST_LINES:]
        raise ModelError(
            f"the {job.options.processes} processes that learn a network together ended without a result:"
            f" {' | '.join(last)}",
            fix="look at the memory of this machine, or take processes out of training.parameters",
        )
    arrays, notes = unpacked(result.read_bytes())
    return LearntNetwork(
        weights=NetworkWeights.of(arrays),
        epochs=int(notes["epochs"]),
        losses=[float(loss) for loss in notes["losses"].split()],
    )
