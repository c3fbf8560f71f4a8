"""What every task finds imported and read, that it is safe to fork after it, and that no task runs code of before."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("airflow")

PACKAGE = Path(__file__).parents[3] / "pipelines/nightshift"
FORKED = """
import json, os, sys, threading
from pathlib import Path
from nightshift.orchestration.warmth import PRELOAD, STEPS, preload, share_with_forks
missing = preload((*PRELOAD, "no_such_module"))
if os.fork() == 0:
    import great_expectations, mlflow, numpy, pandas
    assert float(numpy.ones((300, 300)).dot(numpy.ones((300, 300))).sum()) == 300.0 ** 3
    os._exit(0)
code = os.waitstatus_to_exitcode(os.wait()[1])
shared = share_with_forks()

def in_fork(look):
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.write(writer, json.dumps(look()).encode())
        os._exit(0)
    os.wait()
    os.close(writer)
    return json.loads(os.fdopen(reader).read())

def look():
    read = []
    sys.addaudithook(lambda event, arguments: event == "open" and read.append(str(arguments[0])))
    loaded = [name for name in STEPS if name in sys.modules]
    from botocore.config import Config
    from nightshift.s3.client import session
    session().create_client("s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x").close()
    from nightshift.scoring.machine import ScoringMachine
    from nightshift.scoring import shards
    from nightshift.settings import settings
    code = ScoringMachine.here().code
    data = [file for file in read if file.endswith((".json", ".json.gz", ".py"))]
    changed = getattr(shards, "CHANGED", 0)
    asked = settings.cache_info().currsize
    return {"loaded": loaded, "data": data, "code": code, "changed": changed, "asked": asked}

def change():
    file = Path(sys.modules["nightshift.scoring.shards"].__file__)
    file.write_text(file.read_text() + "\\nCHANGED = 1\\n")

def loaded():
    return [name for name in STEPS if name in sys.modules]

def work_of_task():
    change()
    return in_fork(loaded)

unchanged = in_fork(look)
forked_by_task = in_fork(lambda: in_fork(work_of_task))
json.dump({
    "missing": missing,
    "threads": [t.name for t in threading.enumerate()],
    "child": code,
    "shared": shared,
    "steps": list(STEPS),
    "unchanged": unchanged,
    "forked_by_task": forked_by_task,
    "changed": in_fork(look),
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What forks of a process say that has shared all, one before and one after a file of the package was changed."""
    folder = tmp_path_factory.mktemp("forks")
    shutil.copytree(PACKAGE, folder / "nightshift")
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_tasks_can_be_forked_after_the_imports(forks: dict[str, Any]) -> None:
    found = {name: forks[name] for name in ("missing", "threads", "child")}
    assert found == {"missing": ["no_such_module"], "threads": ["MainThread"], "child": 0}


def test_a_task_finds_all_that_a_night_imports(forks: dict[str, Any]) -> None:
    assert forks["unchanged"]["loaded"] == forks["steps"]
    assert forks["shared"] >= len(forks["steps"])


def test_a_task_reads_neither_our_code_nor_the_words_of_s3_again(forks: dict[str, Any]) -> None:
    assert forks["unchanged"]["data"] == []


def test_a_task_takes_no_settings_of_the_process_that_forked_it(forks: dict[str, Any]) -> None:
    assert forks["unchanged"]["asked"] == 0


def test_a_task_after_a_change_runs_the_changed_code_and_says_so(forks: dict[str, Any]) -> None:
    before, after = forks["unchanged"], forks["changed"]
    assert (before["changed"], after["changed"]) == (0, 1)
    assert after["code"] != before["code"]
    assert after["loaded"] == []


def test_what_a_task_forks_goes_on_with_the_code_of_the_task(forks: dict[str, Any]) -> None:
    assert forks["forked_by_task"] == forks["steps"]
