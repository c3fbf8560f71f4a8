"""A model that ``nightshift new`` drafted has its Dags the next time Airflow parses, with nothing else done."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from nightshift.authoring.new import NewModelRequest, new
from nightshift.settings import Settings

PROJECT = Path(__file__).parents[2]
PRINT_DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
paused = {name: dag.is_paused_upon_creation for name, dag in bag.dags.items()}
print("\\n" + json.dumps({"errors": bag.import_errors, "dags": sorted(bag.dags), "paused": paused}))
"""


def test_its_dags_appear_and_wait(airflow_home: Path, families: Mapping[str, object], tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "nightshift.toml").write_text("format = 1\n")
    days = [f"2024-01-{day:02d}" for day in range(1, 6)]
    rows = [(day, number, number % 7, number % 2) for day in days for number in range(30)]
    pd.DataFrame(rows, columns=["day", "id", "size", "gone"]).to_csv(tmp_path / "in.csv", index=False)
    new(NewModelRequest("churn", "in.csv", "gone", ("id",), "day"), Settings(project=tmp_path, home=tmp_path / "home"))
    env = {**os.environ, "NIGHTSHIFT_PROJECT": str(tmp_path), "NIGHTSHIFT_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_DAGS, str(PROJECT / "dags")], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["errors"] == {}
    assert found["dags"] == sorted(f"churn.{verb}" for verb in families)
    assert all(found["paused"].values())
