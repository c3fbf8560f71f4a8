"""One of several processes that learn a network together: ``torchrun --module nightshift.training.networks.worker``.

It is given the folder with the job, and the process that waits for the result: where that one is gone, so is this.
"""

import os
import sys
from pathlib import Path

from nightshift.training.networks.array_file import packed
from nightshift.training.networks.checkpoints import FolderCheckpoints
from nightshift.training.networks.job import NetworkJob
from nightshift.training.networks.learn import learn
from nightshift.training.networks.parallel import CHECKPOINTS, JOB, REFUSAL, RESULT
from nightshift.training.networks.team import Team


class _WhileAwaited(FolderCheckpoints):
    """A folder, as long as somebody waits for the result."""

    def __init__(self, folder: Path, awaited_by: int) -> None:
        super().__init__(folder)
        self._awaited_by = awaited_by

    def write(self, name: str, body: bytes) -> None:
        """Keep it; ends this process, and so all of them, when nobody waits any more."""
        super().write(name, body)
        try:
            os.kill(self._awaited_by, 0)
        except ProcessLookupError:
            sys.exit(1)


def main(folder: Path, awaited_by: int) -> None:
    """Learn the folder's job with the others; the first writes the result, or why there is none."""
    from torch import distributed

    distributed.init_process_group("gloo")
    team = Team(distributed.get_rank(), distributed.get_world_size())
    job = NetworkJob.of_bytes((folder / JOB).read_bytes())
    checkpoints = _WhileAwaited(folder / CHECKPOINTS, awaited_by)
    try:
        learnt = learn(job, checkpoints, team)
    except ArithmeticError as error:
        (folder / REFUSAL).write_text(str(error))
        return
    if team.is_first:
        notes = {
            "epochs": str(learnt.epochs),
            "losses": " ".join(map(repr, learnt.losses)),
        }
        body = packed(learnt.weights.named(), notes)
        (folder / RESULT).write_bytes(body)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
