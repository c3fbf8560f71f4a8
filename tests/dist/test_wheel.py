"""The wheel in a new environment with its core alone: Airflow reads the Dags, nights are scored, nothing is trained.

The champion that scores was trained before by this process, which has all extras, against the same services.
"""

import json
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from nightshift.contracts import Dataset
from nightshift.monitoring.accuracy import read_record
from nightshift.spec import ModelSpec
from nightshift.steps.load import load, window
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.stores import Stores
from tests.dist.installed import REPOSITORY, Installed

pytestmark = [pytest.mark.dist, pytest.mark.stack]

AS_OF = "2024-01-12"
NIGHTS = ("2024-01-12", "2024-01-13")
VERBS = ("ingest", "validate", "predict", "monitor")
TRAINING_LIBRARIES = ("sklearn", "torch", "skl2onnx", "skops", "dvc", "matplotlib")
PRINT_FOUND = "import sys; from importlib.util import find_spec; print([n for n in sys.argv[1:] if find_spec(n)])"
NIGHT_PROBE = REPOSITORY / "tests" / "dags" / "night_probe.py"


def promoted(spec: ModelSpec, stores: Stores) -> str:
    """Train a first champion; its version."""
    load(spec, *window(spec, AS_OF), stores)
    verdict = train_and_gate(spec, snapshot(spec, AS_OF, stores), stores)
    promotion = promote(spec, verdict, stores)
    assert promotion.moved, promotion.reason
    return verdict.candidate.version


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    package = "pipelines/nightshift"
    tracked = subprocess.run(
        ["git", "-C", str(REPOSITORY), "ls-files", package], capture_output=True, text=True, check=True
    )
    expected = {name.removeprefix("pipelines/") for name in tracked.stdout.splitlines()}
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == expected
    assert {"nightshift/py.typed", "nightshift/monitoring/report.html.j2"} <= packed


def test_nothing_that_trains_is_there(installed: Installed) -> None:
    answer = installed.run("python", "-c", PRINT_FOUND, *TRAINING_LIBRARIES, "nightshift", "onnxruntime")
    assert answer.stdout.strip() == "['nightshift', 'onnxruntime']", answer.stderr


def test_nightshift_comes_from_the_wheel(installed: Installed, environment: Path) -> None:
    answer = installed.run("python", "-c", "import nightshift; print(nightshift.__file__)")
    assert Path(answer.stdout.strip()).is_relative_to(environment)


def listed(installed: Installed, *command: str) -> list[dict[str, str]]:
    """The rows that an ``airflow dags`` command prints between the lines of its log."""
    answer = installed.run("airflow", "dags", *command, "--local", "--output", "json")
    assert answer.returncode == 0, answer.stderr[-3000:]
    start = re.search(r"^\[", answer.stdout, re.MULTILINE)
    assert start, answer.stdout
    rows, _ = json.JSONDecoder().raw_decode(answer.stdout[start.start() :])
    return list(rows)


def test_airflow_lists_no_import_error(installed: Installed, model: ModelSpec) -> None:
    assert listed(installed, "list-import-errors") == []
    dags = {row["dag_id"] for row in listed(installed, "list")}
    assert {f"{model.name}.{verb}" for verb in (*VERBS, "train")} <= dags


def test_two_nights_are_scored_and_the_first_is_judged(
    installed: Installed, model: ModelSpec, own_stores: Stores
) -> None:
    version = promoted(model, own_stores)
    wanted = [f"{verb}:{night}" for night in NIGHTS for verb in VERBS]
    probe = installed.run("python", str(NIGHT_PROBE), model.name, *wanted)
    assert probe.returncode == 0, probe.stderr[-4000:]
    ends = next(line for line in reversed(probe.stdout.splitlines()) if line.startswith("[["))
    states = {f"{verb}:{night}": state for verb, night, state, _ in json.loads(ends)}
    assert states == dict.fromkeys(wanted, "success"), probe.stdout[-4000:]
    for night in NIGHTS:
        published = own_stores.lake.require(model.key(Dataset.PREDICTIONS, night))
        assert (published.rows, published.provenance["pin"]["version"]) == (90, version)
    # The labels of the first night came with the second: its areas were measured without scikit-learn.
    record = read_record(model.name, NIGHTS[0], own_stores)
    assert record is not None
    assert 0.5 < record.metrics["roc_auc"] <= 1


def test_what_needs_an_extra_is_one_clear_error(installed: Installed, model: ModelSpec) -> None:
    training = installed.run("nightshift", "train", model.name, AS_OF)
    stack = installed.run("nightshift", "up", "--only", "s3")
    assert (training.returncode, stack.returncode) == (1, 1)
    assert "needs the extra [train]" in training.stderr
    assert "needs the extra [demo]" in stack.stderr
    assert "Traceback" not in training.stderr + stack.stderr


def test_the_command_checks_the_project_s_models(installed: Installed, model: ModelSpec) -> None:
    checked = installed.run("nightshift", "check")
    assert checked.returncode == 0, checked.stderr
    assert f"{model.name}: good" in checked.stdout
