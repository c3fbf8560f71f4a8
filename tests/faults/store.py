"""The store of the suite: a SeaweedFS of its own, which may be killed at any time and comes back with its data."""

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Self

from nightshift.settings import Settings
from nightshift.stack import Ports, Stack, processes


class Store:
    """SeaweedFS in a folder of its own, removed at the end."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="nightshift-faults-"))
        self.stack = Stack(home=self.folder / "home", project=self.folder, ports=Ports.free())
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()  # it takes its time to say goodbye, and nobody needs its data any more
        self.stack.down()
        shutil.rmtree(self.folder)

    def start(self) -> None:
        """Start it, or start it again."""
        self.stack.up(only=["s3"])

    def kill(self) -> None:
        """SIGKILL, without a word."""
        running = processes.recall(self.stack.records, "s3")
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        while running.leader:
            time.sleep(0.01)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.stack.env()["AWS_ENDPOINT_URL"]

    def settings(self, lake: str) -> Settings:
        """Settings of a client of this store alone."""
        values = self.stack.env()
        known = {str(f.alias): values[str(f.alias)] for f in Settings.model_fields.values() if str(f.alias) in values}
        here = {"project": self.folder, "home": self.folder / "client", "NIGHTSHIFT_LAKE": lake}
        return Settings.model_validate({**known, **here})
