"""What a task is told of another run, by a real Airflow: its task runner, its execution API and its database."""

import json
import subprocess
import sys
from pathlib import Path


def test_a_run_that_is_not_there_has_no_state_and_is_no_error(airflow_home):
    probe = Path(__file__).with_name("runs_probe.py")
    done = subprocess.run([sys.executable, str(probe)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    state, told = json.loads(next(line for line in reversed(done.stdout.splitlines()) if line.startswith("[")))
    assert (state, told) == ("success", {"own": "running", "lost": None}), done.stdout[-3000:]
