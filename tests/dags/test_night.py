"""A training and a night through ``dag.test()``: Airflow's own task runner, real S3 and MLflow, a small model."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.stack
REPOSITORY = Path(__file__).parents[2]
NIGHT = "2024-01-12"
TOO_EARLY = "2023-12-01"


@pytest.fixture(scope="module")
def airflow_home(tmp_path_factory):
    """A migrated Airflow database, shared by the runs of this module; each has a model of its own."""
    home = tmp_path_factory.mktemp("airflow")
    environment = {**os.environ, "AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True, env=environment)
    return home


@pytest.fixture
def run_dags(project, spec, stores, stack, airflow_home):
    """``run_dags("ingest:2024-01-12", ...)``: how each run ended, and what was printed."""
    shutil.copytree(REPOSITORY / "dags", project / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    here = stores.settings
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(airflow_home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__ALLOWED_DESERIALIZATION_CLASSES": "airflow.* pipelines.contracts.*",
        "NIGHTSHIFT_PROJECT": str(project),
        "NIGHTSHIFT_HOME": str(here.home),
        "NIGHTSHIFT_LAKE": here.lake,
        "NIGHTSHIFT_DVC_REMOTE": here.dvc_remote,
    }

    def run(*wanted: str) -> tuple[list, str]:
        probe = [sys.executable, str(Path(__file__).with_name("night_probe.py")), spec.name, *wanted]
        done = subprocess.run(probe, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr

    return run


def test_a_training_and_a_night_end_well(run_dags, spec, stores):
    verbs = ("train", "ingest", "validate", "predict", "monitor", "maintain")
    ends, _ = run_dags(*(f"{verb}:{NIGHT}" for verb in verbs))
    states = {verb: (state, tasks) for verb, _, state, tasks in ends}
    assert {verb: state for verb, (state, _) in states.items()} == dict.fromkeys(states, "success")
    assert states["train"][1]["promote"] == "success"
    assert states["monitor"][1]["retrain"] == "skipped"
    night = stores.lake.require("predictions", spec.name, "day", NIGHT)
    assert night.rows == night.rows_in == 90
    assert night.provenance["airflow_dag"] == f"{spec.name}.predict"


def test_a_night_without_data_is_a_skip(run_dags):
    ends, _ = run_dags(f"ingest:{TOO_EARLY}")
    assert ends == [["ingest", TOO_EARLY, "success", {"ingest": "skipped", "labels": "skipped"}]]


def test_a_bad_key_is_one_clear_line_and_no_traceback(run_dags):
    keys = ["../x", "2024-02-30"]
    ends, printed = run_dags(*(f"ingest:{key}" for key in keys))
    for _, key, _, tasks in ends:
        assert tasks == {"ingest": "failed", "labels": "failed"}
        assert f"partition key '{key}'" in printed
    assert "Traceback" not in printed


def test_without_a_champion_predict_says_what_to_do(run_dags, spec, stores):
    ends, printed = run_dags(f"ingest:{NIGHT}", f"validate:{NIGHT}", f"predict:{NIGHT}")
    assert ends[2][2] == "failed"
    assert f"{spec.name} has no champion yet" in printed
    assert f"trigger {spec.name}.train" in printed
    assert "Traceback" not in printed
    assert stores.lake.manifest("predictions", spec.name, "day", NIGHT) is None
