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
from tests import receivers
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
HOLIDAY, TOO_EARLY, TAKEN_BACK = "2024-02-29", "2023-12-01", "2024-01-11"
BAD_KEYS = ["../x", "2024-02-30"]


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


def by_run(ends, printed):
    """How a run ended and its tasks did, by verb and night, and what was printed."""
    return {(verb, night): (state, tasks) for verb, night, state, tasks in ends}, printed


@pytest.fixture(scope="module")
def odd_runs(small_model):
    """Runs that end otherwise than in a published night, in one process; by verb and night, and what was printed."""
    odd = {"ingest": [HOLIDAY, TOO_EARLY, TAKEN_BACK], "retract": [TAKEN_BACK], "retrain": [MISTAKE]}
    return by_run(*small_model.run_dags(*(f"{verb}:{night}" for verb, nights in odd.items() for night in nights)))


@pytest.fixture(scope="module")
def untraced_runs(small_model):
    """Runs of a model without a champion, and of keys that are none: what is said of them is no traceback."""
    wanted = [*(f"ingest:{key}" for key in BAD_KEYS), f"ingest:{NIGHT}", f"validate:{NIGHT}", f"predict:{NIGHT}"]
    ends, printed = small_model.run_dags(*wanted)
    assert "Traceback" not in printed
    return by_run(ends, printed)


def test_a_night_without_data_is_a_skip(odd_runs):
    ends, _ = odd_runs
    assert ends["ingest", HOLIDAY][1]["ingest"] == "skipped"


def test_a_night_before_the_first_is_refused_and_has_no_labels(odd_runs, small_model):
    ends, printed = odd_runs
    assert ends["ingest", TOO_EARLY] == ("failed", {"ingest": "failed", "labels": "skipped"})
    assert f"{small_model.spec.name} has no night {TOO_EARLY}: model.yaml has partition.start 2024-01-01" in printed


def test_a_night_is_taken_back_by_its_dag(odd_runs, small_model):
    ends, _ = odd_runs
    assert (ends["ingest", TAKEN_BACK][0], ends["retract", TAKEN_BACK][0]) == ("success", "success")
    retracted = small_model.stores.lake.manifest(small_model.spec.key(Dataset.RAW, TAKEN_BACK)).retracted
    assert (retracted.why, retracted.dataset) == ("by hand", "raw")
    assert retracted.by.startswith("manual__") or retracted.by


def test_a_retrain_that_fails_is_concluded_and_has_failed_all_the_same(odd_runs):
    ends, printed = odd_runs
    state, tasks = ends["retrain", MISTAKE]
    assert (state, tasks["window"], tasks["promote"], tasks["conclude"]) == (
        "failed",
        "failed",
        "upstream_failed",
        "success",
    ), printed[-3000:]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_bad_key_is_one_clear_line_and_no_traceback(untraced_runs, key):
    ends, printed = untraced_runs
    assert ends["ingest", key][1] == {"ingest": "failed", "labels": "failed"}
    assert f"partition key '{key}'" in printed


def test_without_a_champion_predict_says_what_to_do(untraced_runs, small_model):
    ends, printed = untraced_runs
    spec = small_model.spec
    assert (ends["predict", NIGHT][0], ends["predict", NIGHT][1]["plan"]) == ("success", "skipped")
    assert f"then {spec.name}.predict for {NIGHT}" in printed
    assert f"{spec.name} has no champion yet" in printed
    assert f"trigger {spec.name}.train" in printed
    assert small_model.stores.lake.manifest(spec.key(Dataset.PREDICTIONS, NIGHT)) is None


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


def test_what_fails_is_told_once_and_channels_that_do_not_work_change_no_run(run_dags, project, spec, stores):
    """One channel works, one hangs, one refuses, one is set up wrongly: the runs end as without any of them."""
    names = ("good", "hangs", "refuses", "unset")
    lines = [f'[channels.{name}]\nkind = "webhook"' for name in names]
    (project / "alerts.toml").write_text("\n".join(["format = 1", *lines]))
    with receivers.hook() as good, receivers.hook(receivers.HANGS) as hangs, receivers.hook(500) as refuses:
        addresses = {
            "NIGHTSHIFT_ALERT_GOOD": good.url,
            "NIGHTSHIFT_ALERT_HANGS": hangs.url,
            "NIGHTSHIFT_ALERT_REFUSES": refuses.url,
        }
        ends, printed = run_dags(f"ingest:{TOO_EARLY}", f"ingest:{NIGHT}", f"validate:{NIGHT}", **addresses)
    assert [(verb, state) for verb, _, state, _ in ends] == [
        ("ingest", "failed"),
        ("ingest", "success"),
        ("validate", "success"),
    ]
    assert [said["event"] for said in good.said] == ["opened", "recovered"]
    opened, recovered = good.said
    assert (opened["models"], opened["night"]) == ([spec.name], TOO_EARLY)
    assert "model.yaml has partition.start 2024-01-01" in opened["evidence"]
    assert opened["id"] == recovered["id"]
    assert len(hangs.bodies) == len(refuses.bodies) == 1
    assert "was not sent by refuses: it answered 500" in printed
    assert "was not sent by hangs: it did not answer in 5 seconds" in printed
    assert "T0P-SECRET" not in printed
