"""The stores of the suite: a SeaweedFS of its own, which may be killed at any time, and moto's server.

SeaweedFS comes back with its data. moto keeps them in memory, and takes no notice of ``If-Match`` on copies.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from nightshift.settings import Settings
from nightshift.stack import Ports, Stack, processes

PATIENCE = 60


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


class Moto:
    """moto's S3 server in a process of its own."""

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="nightshift-moto-"))
        port = Ports.free().s3
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        self._make_bucket()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self.folder)

    def settings(self, lake: str) -> Settings:
        """Settings of a client of it."""
        return Settings.model_validate({
            "project": self.folder,
            "home": self.folder / "client",
            "lake": lake,
            "endpoint": self.url,
            "access_key": "moto",
            "secret_key": "moto",
            "seal_key": "moto" * 16,
        })

    def _make_bucket(self) -> None:
        import boto3
        from botocore.exceptions import ConnectionError as NoConnection

        client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="moto", aws_secret_access_key="moto"
        )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            with suppress(NoConnection):
                client.create_bucket(Bucket="lake")
                client.close()
                return
            time.sleep(0.1)
        raise TimeoutError(self.url)


STORES = {"seaweedfs": Store, "moto": Moto}
