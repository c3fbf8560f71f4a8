"""What every task finds imported, and that it is safe to fork after it."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("airflow")

FORKED = """
import json, os, sys, threading
from nightshift.orchestration.executor import PRELOAD, preload
missing = preload((*PRELOAD, "no_such_module"))
if os.fork() == 0:
    import great_expectations, mlflow, numpy, pandas
    assert float(numpy.ones((300, 300)).dot(numpy.ones((300, 300))).sum()) == 300.0 ** 3
    os._exit(0)
code = os.waitstatus_to_exitcode(os.wait()[1])
json.dump({"missing": missing, "threads": [t.name for t in threading.enumerate()], "child": code}, sys.stdout)
"""


def test_tasks_can_be_forked_after_the_imports() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"missing": ["no_such_module"], "threads": ["MainThread"], "child": 0}
