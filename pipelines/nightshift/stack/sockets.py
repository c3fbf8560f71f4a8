"""SeaweedFS leaves its sockets in the temporary folder when it ends; here they are taken away."""

import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

# It asks for no other folder.
FOLDER = Path("/tmp")  # noqa: S108 - SeaweedFS's choice
PATTERN = "seaweedfs-*.sock"
YOUNGEST_SECONDS = 60.0
"""A younger one may be of a process that has not yet begun to listen."""


def remove_dead_sockets(folder: Path = FOLDER) -> None:
    """Remove the sockets of this user at which nobody listens."""
    for path in _old_ones(folder):
        if not _listens(path):
            path.unlink(missing_ok=True)


def _old_ones(folder: Path) -> Iterator[Path]:
    oldest_start = time.time() - YOUNGEST_SECONDS
    for path in folder.glob(PATTERN):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue
        is_own = status.st_uid == os.getuid()
        if stat.S_ISSOCK(status.st_mode) and is_own and status.st_mtime < oldest_start:
            yield path


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            # Busy, or gone meanwhile: not ours to judge.
            return True
    return True
