"""docker/clean_up.py and docker/beating.py: old logs go, new ones stay, and a container that does nothing shows it."""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.scripts import load_script

FOLDER = Path(__file__).parents[3] / "docker"
clean_up = load_script(FOLDER / "clean_up.py")


def age(path: Path, days: float) -> None:
    moment = time.time() - days * clean_up.DAY
    os.utime(path, (moment, moment))


def test_old_logs_go_and_new_ones_stay(tmp_path: Path) -> None:
    old = tmp_path / "dag_id=a" / "run_id=1" / "attempt=1.log"
    new = tmp_path / "dag_id=a" / "run_id=2" / "attempt=1.log"
    for path in (old, new):
        path.parent.mkdir(parents=True)
        path.write_text("a line")
    for path, days in ((old, 91), (old.parent, 91), (new, 89)):
        age(path, days)
    assert clean_up.remove_logs(tmp_path, 90) == 1
    assert not old.exists()
    assert new.read_text() == "a line"


def test_a_folder_that_is_empty_for_long_goes_too(tmp_path: Path) -> None:
    empty, fresh = tmp_path / "empty", tmp_path / "fresh"
    for folder in (empty, fresh):
        folder.mkdir()
    age(empty, 91)
    assert clean_up.remove_logs(tmp_path, 90) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fresh"]


def beats(path: Path, seconds: str) -> int:
    command = [sys.executable, "-IS", str(FOLDER / "beating.py"), str(path), seconds]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_who_has_not_beaten_for_long_is_not_alive(tmp_path: Path) -> None:
    heart = tmp_path / "heart"
    assert beats(heart, "60") != 0
    heart.touch()
    assert beats(heart, "60") == 0
    age(heart, 0.01)
    assert beats(heart, "60") != 0
