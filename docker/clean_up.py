"""Once a day, for ever: remove what is older than DAYS from Airflow's database and its logs.

What is published, trained or kept in the lake has rules of its own: ``nightshift maintain``.
"""

import datetime as dt
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

DAY = 24 * 3600
AGAIN = 600
"""Seconds until the next try where the database did not answer."""
DONE = Path("/tmp/cleaned-up")  # noqa: S108 - of this container alone, in its memory


def main(days: int) -> None:
    """Clean up, sleep, and again."""
    DONE.touch()
    while True:
        cleaned = clean_database(days)
        removed = remove_logs(Path(os.environ["AIRFLOW_HOME"]) / "logs", days)
        print(f"removed {removed} logs older than {days} days", flush=True)
        if cleaned:
            DONE.touch()
        time.sleep(DAY if cleaned else AGAIN)


def clean_database(days: int) -> bool:
    """Whether ``airflow db clean`` went well."""
    before = dt.datetime.now(dt.UTC) - dt.timedelta(days=days)
    command = ["airflow", "db", "clean", "--yes", "--skip-archive", "--clean-before-timestamp", before.isoformat()]
    return subprocess.run(command, check=False).returncode == 0


def remove_logs(folder: Path, days: int) -> int:
    """Remove files that nobody wrote to for so long, and folders that are then empty; how many files those were."""
    before = time.time() - days * DAY
    removed = 0
    # A folder comes after what is in it.
    for path in sorted(folder.rglob("*"), reverse=True):
        # Tasks write, and go, while this looks.
        with suppress(OSError):
            removed += remove_if_old(path, before)
    return removed


def remove_if_old(path: Path, before: float) -> bool:
    """Whether it was a file, and is gone. Raises ``OSError`` for what changes meanwhile."""
    is_old = path.lstat().st_mtime < before
    if not is_old:
        return False
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
        return False
    path.unlink()
    return True


if __name__ == "__main__":
    main(int(sys.argv[1]))
