"""What lint refuses, and why each rule that is left out is left out."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


def banned(repository: Path, name: str, code: str) -> bool:
    """Whether lint refuses code in a file of that name."""
    words = ["-m", "ruff", "check", "--quiet", "--select", "TID251", "--stdin-filename", name, "-"]
    done = subprocess.run([sys.executable, *words], cwd=repository, input=code, text=True, check=False)
    return done.returncode != 0


@pytest.mark.parametrize(
    "code",
    [
        "import datetime as dt\ndt.datetime.now(dt.UTC)\n",
        "import datetime\ndatetime.datetime.utcnow()\n",
        "from datetime import datetime\ndatetime.today()\n",
        "from datetime import date\ndate.today()\n",
        "import time\ntime.time()\n",
    ],
)
def test_lint_refuses_a_wall_clock_where_a_partition_date_is_meant(repository: Path, code: str) -> None:
    """A night that is made again must be the same night, whenever that is."""
    assert banned(repository, "pipelines/nightshift/steps/plan.py", code)
    assert banned(repository, "models/flight_delays/source.py", code)
    assert not banned(repository, "pipelines/nightshift/steps/maintain.py", code)
    assert not banned(repository, "pipelines/nightshift/stack/launch.py", code)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle\n",
        "from pickle import loads\n",
        "import joblib\n",
        "import mlflow\nmlflow.sklearn.load_model('x')\n",
        "import mlflow\nmlflow.pyfunc.load_model('x')\n",
        "import numpy as np\nnp.load('x', allow_pickle=True)\n",
        "import torch\ntorch.load('x')\n",
        "import pandas as pd\npd.read_pickle('x')\n",
        "import yaml\nyaml.load('x', Loader=yaml.Loader)\n",
    ],
)
def test_lint_refuses_what_lets_bytes_say_what_runs(repository: Path, code: str) -> None:
    """Code ran through a replaced model file: its own MLmodel said that it was a pickle."""
    assert banned(repository, "pipelines/nightshift/steps/plan.py", code)


def test_lint_refuses_imports_of_the_source_root(repository: Path) -> None:
    assert banned(repository, "pipelines/nightshift/steps/plan.py", "import pipelines.nightshift\n")
    assert banned(repository, "dags/mine.py", "from pipelines.nightshift import spec\n")


def test_every_lint_rule_that_is_left_out_has_its_reason_beside_it(repository: Path) -> None:
    text = (repository / "pyproject.toml").read_text()
    ignored = re.search(r"^ignore = \[\n(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert ignored
    for line in ignored[1].splitlines():
        assert re.fullmatch(r'  "[A-Z]+\d+", *# .{20,}\.', line), line
