"""How far a training came, kept outside of its process, so that the next try goes on from there."""

import contextlib
import os
from pathlib import Path
from typing import Protocol


class Checkpoints(Protocol):
    """A place with bytes by name; what cannot be kept is lost work, never an error."""

    def read(self, name: str) -> bytes | None:
        """What was kept last under a name; None where there is nothing, or it is not to be believed."""

    def write(self, name: str, body: bytes) -> None:
        """Keep this in the place of what was there, wholly or not at all."""


class FolderCheckpoints:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """The file, where there is one."""
        with contextlib.suppress(FileNotFoundError):
            return self._file(name).read_bytes()
        return None

    def write(self, name: str, body: bytes) -> None:
        """Beside the old one, and then over it: a process that is killed meanwhile leaves the old one."""
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._file(name)
        part = file.with_suffix(".part")
        with part.open("wb") as written:
            written.write(body)
            written.flush()
            os.fsync(written.fileno())
        part.replace(file)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.bin"
