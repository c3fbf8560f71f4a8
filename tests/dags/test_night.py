"""A training and a night through ``dag.test()``: Airflow's own task runner, real S3 and MLflow, a small model."""

import pytest

from nightshift.contracts import Dataset

pytestmark = pytest.mark.stack
NIGHT = "2024-01-12"
HOLIDAY, TOO_EARLY = "2024-02-29", "2023-12-01"


def test_a_training_and_a_night_end_well(run_dags, families, spec, stores):
    # First the champion, then the chain of the night in its order; what undoes or repeats the training stays out.
    undo = {"train", "retrain", "rollback", "retract"}
    verbs = ["train", *(verb for verb in families if verb not in undo)]
    ends, _ = run_dags(*(f"{verb}:{NIGHT}" for verb in verbs))
    states = {verb: (state, tasks) for verb, _, state, tasks in ends}
    assert {verb: state for verb, (state, _) in states.items()} == dict.fromkeys(states, "success")
    assert states["train"][1]["promote"] == "success"
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
    assert stores.lake.manifest(spec.key(Dataset.PREDICTIONS, NIGHT)) is None
