"""A training and a night through ``dag.test()``: Airflow's own task runner, real S3 and MLflow, a small model."""

import json

import pytest

from nightshift.contracts import Dataset
from nightshift.steps.ingest import ingest
from nightshift.steps.load import load
from nightshift.steps.promote import promote
from nightshift.steps.retrain import train_and_gate
from nightshift.steps.snapshot import snapshot
from nightshift.steps.validate import validate
from tests.dags.flaky import Door

pytestmark = pytest.mark.stack
NIGHT = "2024-01-12"
# Which service is away when a task of the night begins, how, and for how many seconds.
STORE_GONE, REGISTRY_GONE, HANGS, MISTAKE = "2024-01-13", "2024-01-14", "2024-01-15", "2024-02-30"
OUTAGES = {
    STORE_GONE: ["s3", "gone", 0.5],
    REGISTRY_GONE: ["mlflow", "gone", 0.5],
    HANGS: ["s3", "hangs", 4],
}
HOLIDAY, TOO_EARLY = "2024-02-29", "2023-12-01"


def test_a_training_and_a_night_end_well(run_dags, families, spec, stores):
    # First the champion, then the chain of the night in its order; what undoes or repeats the training stays out.
    undo = {"train", "retrain", "rollback", "retract"}
    verbs = ["train", *(verb for verb in families if verb not in undo)]
    ends, _ = run_dags(*(f"{verb}:{NIGHT}" for verb in verbs))
    states = {verb: (state, tasks) for verb, _, state, tasks in ends}
    assert {verb: state for verb, (state, _) in states.items()} == dict.fromkeys(states, "success")
    assert states["train"][1]["promote"] == "success"
    assert states["train"][1]["conclude"] == "success"
    assert states["monitor"][1]["retrain"] == "skipped"
    night = stores.lake.require(spec.key(Dataset.PREDICTIONS, NIGHT))
    assert night.rows == night.rows_in == 90
    assert night.provenance["airflow_dag"] == f"{spec.name}.predict"


def test_a_night_without_data_is_a_skip(run_dags):
    ends, _ = run_dags(f"ingest:{HOLIDAY}")
    assert ends[0][3]["ingest"] == "skipped"


def test_a_night_before_the_first_is_refused_and_has_no_labels(run_dags, spec):
    ends, printed = run_dags(f"ingest:{TOO_EARLY}")
    assert ends == [["ingest", TOO_EARLY, "failed", {"ingest": "failed", "labels": "skipped"}]]
    assert f"{spec.name} has no night {TOO_EARLY}: model.yaml has partition.start 2024-01-01" in printed


def test_a_night_is_taken_back_by_its_dag(run_dags, spec, stores):
    ends, _ = run_dags(f"ingest:{NIGHT}", f"retract:{NIGHT}")
    assert [(verb, state) for verb, _, state, _ in ends] == [("ingest", "success"), ("retract", "success")]
    retracted = stores.lake.manifest(spec.key(Dataset.RAW, NIGHT)).retracted
    assert (retracted.why, retracted.dataset) == ("by hand", "raw")
    assert retracted.by.startswith("manual__") or retracted.by


def test_a_retrain_that_fails_is_concluded_and_has_failed_all_the_same(run_dags, spec):
    ((_, _, state, tasks),), printed = run_dags(f"retrain:{MISTAKE}")
    assert (state, tasks["window"], tasks["promote"], tasks["conclude"]) == (
        "failed",
        "failed",
        "upstream_failed",
        "success",
    ), printed[-3000:]


def test_a_bad_key_is_one_clear_line_and_no_traceback(run_dags):
    keys = ["../x", "2024-02-30"]
    ends, printed = run_dags(*(f"ingest:{key}" for key in keys))
    for _, key, _, tasks in ends:
        assert tasks == {"ingest": "failed", "labels": "failed"}
        assert f"partition key '{key}'" in printed
    assert "Traceback" not in printed


def test_without_a_champion_predict_says_what_to_do(run_dags, spec, stores):
    ends, printed = run_dags(f"ingest:{NIGHT}", f"validate:{NIGHT}", f"predict:{NIGHT}")
    assert (ends[2][2], ends[2][3]["plan"]) == ("success", "skipped")
    assert f"then {spec.name}.predict for {NIGHT}" in printed
    assert f"{spec.name} has no champion yet" in printed
    assert f"trigger {spec.name}.train" in printed
    assert "Traceback" not in printed
    assert stores.lake.manifest(spec.key(Dataset.PREDICTIONS, NIGHT)) is None


def told(printed):
    """What the log says of failures and of what became of them."""
    return "\n".join(line for line in printed.splitlines() if "[warning" in line or "[error" in line or "Retry" in line)


@pytest.fixture
def champion(spec, stores):
    load(spec, "2024-01-01", NIGHT, stores)
    promote(spec, train_and_gate(spec, snapshot(spec, NIGHT, stores), stores), stores)
    ingest(spec, REGISTRY_GONE, stores)
    validate(spec, REGISTRY_GONE, stores)


@pytest.mark.usefixtures("champion")
def test_an_outage_at_any_task_ends_in_success_and_a_mistake_at_the_first_try(run_dags, stores, tmp_path):
    door, tries = tmp_path / "door.json", tmp_path / "tries.json"
    here = stores.settings
    wanted = [f"{verb}:{STORE_GONE}" for verb in ("ingest", "validate", "predict", "monitor")]
    wanted += [f"{verb}:{REGISTRY_GONE}" for verb in ("predict", "monitor")]
    wanted += [f"ingest:{HANGS}", f"ingest:{MISTAKE}"]
    with Door("s3", here.endpoint, door) as s3, Door("mlflow", here.mlflow_uri, door) as mlflow:
        ends, printed = run_dags(
            *wanted, probe="outage_probe.py", AWS_ENDPOINT_URL=s3.url, MLFLOW_TRACKING_URI=mlflow.url,
            NIGHTSHIFT_RETRY_SECONDS="0.5", MLFLOW_HTTP_REQUEST_MAX_RETRIES="0", OUTAGES=json.dumps(OUTAGES),
            DOOR=str(door), TRIES=str(tries),
        )  # fmt: skip
    assert [(verb, night, state) for verb, night, state, _ in ends] == [
        (*item.split(":"), "failed" if MISTAKE in item else "success") for item in wanted
    ], told(printed)
    counted = json.loads(tries.read_text())
    of_store = {name.split()[0] for name, count in counted.items() if STORE_GONE in name and count > 1}
    assert of_store >= {
        "ingest.ingest", "ingest.labels", "validate.validate", "predict.plan", "predict.score", "predict.publish",
        "monitor.monitor", "monitor.govern",
    }  # fmt: skip
    of_registry = {name.split()[0] for name, count in counted.items() if REGISTRY_GONE in name and count > 1}
    assert of_registry >= {"predict.plan", "monitor.monitor"}
    assert counted[f"ingest.ingest {HANGS}"] > 1
    assert counted[f"ingest.ingest {MISTAKE}"] == counted[f"ingest.labels {MISTAKE}"] == 1
    assert "ran into its time limit" in printed
