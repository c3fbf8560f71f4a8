"""Snapshots of training data in DVC: content-addressed, restorable byte for byte.

Each snapshot is made in a working copy of its own (``.nightshift/snapshots/``) over one shared
cache, so runs side by side never meet DVC's repository lock. The project's own ``data.dvc`` is one
such snapshot, committed to git.
"""

import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import LakeUnavailable, MissingPartition, UsageError
from pipelines.settings import Settings

DATA = "data"


class Versions:
    """DVC, as far as Nightshift needs it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._copies = settings.home / "snapshots"

    def add(self, write: Callable[[Path], None]) -> str:
        """Let ``write`` fill a folder, then add and push it; its ``.dir`` md5. Raises ``LakeUnavailable``."""
        work = self._working_copy()
        try:
            write(work / DATA)
            with self._open(work) as repo:
                repo.add([str(work / DATA)])
                self._synchronise(repo.push, "push a snapshot to")
            md5 = read_md5(work / f"{DATA}.dvc")
            self._keep(work, md5)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return md5

    def checkout(self, md5: str) -> Path:
        """The folder with exactly the bytes of a snapshot. Raises ``MissingPartition``, ``LakeUnavailable``."""
        kept = self._copies / md5
        if not kept.is_dir():
            work = self._working_copy()
            try:
                self._fetch(work, md5)
                self._keep(work, md5)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return kept / DATA

    def export(self, md5: str) -> Path:
        """Put a snapshot into the project as ``data/`` and ``data.dvc``, for git and ``dvc repro``."""
        source, project = self.checkout(md5), self._settings.project
        shutil.rmtree(project / DATA, ignore_errors=True)
        shutil.copytree(source, project / DATA)
        shutil.copyfile(source.parent / f"{DATA}.dvc", project / f"{DATA}.dvc")
        return project / f"{DATA}.dvc"

    def adopt(self, folder: Path) -> str:
        """The md5 of a folder that is checked out from the ``.dvc`` file beside it.

        Raises ``UsageError`` when there is no such file or the folder differs from it.
        """
        pointer = folder.resolve().with_name(f"{folder.name}.dvc")
        if not (pointer.is_file() and folder.is_dir()):
            raise UsageError(f"{folder} or {pointer.name} beside it is missing", fix=f"dvc pull {pointer.name}")
        md5 = read_md5(pointer)
        work = self._working_copy()
        try:
            shutil.copytree(folder, work / DATA)
            with self._open(work) as repo:
                repo.add([str(work / DATA)])
            found = read_md5(work / f"{DATA}.dvc")
            self._keep(work, found)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        if found != md5:
            raise UsageError(f"{folder} is {found}, {pointer.name} names {md5}", fix=f"dvc checkout {pointer.name}")
        return md5

    def _working_copy(self) -> Path:
        self._copies.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="work-", dir=self._copies))

    def _keep(self, work: Path, md5: str) -> None:
        try:
            work.rename(self._copies / md5)
        except OSError:
            # A run beside this one kept the same bytes first.
            if not (self._copies / md5).is_dir():
                raise

    def _fetch(self, work: Path, md5: str) -> None:
        out = {"md5": md5, "hash": "md5", "path": DATA}
        (work / f"{DATA}.dvc").write_text(yaml.safe_dump({"outs": [out]}))
        with self._open(work) as repo:
            self._synchronise(repo.pull, "fetch a snapshot from")
        if not (work / DATA).is_dir():
            raise MissingPartition(
                f"snapshot {md5} is not in {self._settings.dvc_remote}", fix="push it from where it was made: dvc push"
            )

    def _open(self, work: Path) -> Any:
        from dvc.repo import Repo

        logging.getLogger("dvc").setLevel(logging.WARNING)
        if not (work / ".dvc").is_dir():
            Repo.init(str(work), no_scm=True).close()
        config = {
            "core": {"analytics": False, "remote": "lake", "check_update": False},
            "cache": {"dir": str(self._settings.home / "dvc-cache")},
            "remote": {"lake": self._remote()},
        }
        return Repo(str(work), config=config)

    def _remote(self) -> dict[str, str]:
        secret = self._settings.secret_key.get_secret_value() if self._settings.secret_key else None
        options = {
            "url": self._settings.dvc_remote,
            "endpointurl": self._settings.endpoint,
            "region": self._settings.region,
            "access_key_id": self._settings.access_key,
            "secret_access_key": secret,
        }
        return {name: value for name, value in options.items() if value}

    def _synchronise(self, move: Callable[[], Any], what: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError
        from dvc.exceptions import CheckoutError, DownloadError, UploadError

        try:
            move()
        except CheckoutError:
            return
        except (DownloadError, UploadError, BotoCoreError, ClientError, OSError) as error:
            raise LakeUnavailable(
                f"cannot {what} {self._settings.dvc_remote}: {error}", fix="nightshift status"
            ) from error


def read_md5(pointer: Path) -> str:
    """The ``.dir`` md5 that a ``.dvc`` file names."""
    return str(yaml.safe_load(pointer.read_text())["outs"][0]["md5"])
