"""OpenLineage events through Airflow's own provider, into a file: a night's tasks, and the datasets they name."""

import json
from importlib.metadata import entry_points
from importlib.util import find_spec

import pytest

pytestmark = pytest.mark.stack
NIGHT = "2024-01-12"


def installed() -> bool:
    return find_spec("airflow.providers.openlineage") is not None


def named(datasets):
    return sorted((dataset["namespace"], dataset["name"]) for dataset in datasets)


@pytest.fixture
def emitted(run_dags, tmp_path):
    """``emitted("ingest:2024-01-12", ...)``: the events of tasks, by job and kind."""

    def run(*wanted, **more):
        transport = {"type": "file", "log_file_path": str(tmp_path / "events"), "append": True}
        ends, printed = run_dags(*wanted, AIRFLOW__OPENLINEAGE__TRANSPORT=json.dumps(transport), **more)
        assert {end[2] for end in ends} == {"success"}, printed
        events = [json.loads(line) for file in tmp_path.glob("events*") for line in file.read_text().splitlines()]
        return {(event["job"]["name"], event["eventType"]): event for event in events}

    return run


def test_airflow_knows_who_converts_our_assets():
    from nightshift.orchestration.lineage import provider_info

    ours = [entry for entry in entry_points(group="apache_airflow_provider") if entry.dist.name == "nightshift-batch"]
    assert [entry.load() for entry in ours] == [provider_info]


@pytest.mark.skipif(not installed(), reason="the OpenLineage provider is not installed")
def test_a_night_s_events_name_the_lake_s_datasets(emitted, spec, stores):
    events = emitted(f"ingest:{NIGHT}", f"validate:{NIGHT}", AIRFLOW__OPENLINEAGE__NAMESPACE="nightshift")
    bucket, _, prefix = stores.lake.objects.uri.removeprefix("s3://").partition("/")
    lake = {name: (f"s3://{bucket}", f"{prefix}/{name}/{spec.name}") for name in ("raw", "validated")}
    ingest = events[f"{spec.name}.ingest.ingest", "COMPLETE"]
    validate = events[f"{spec.name}.validate.validate", "COMPLETE"]
    assert (named(ingest["inputs"]), named(ingest["outputs"])) == ([], [lake["raw"]])
    assert (named(validate["inputs"]), named(validate["outputs"])) == ([lake["raw"]], [lake["validated"]])
    assert validate["job"]["namespace"] == "nightshift"
    assert validate["run"]["facets"]["parent"]["job"]["name"] == f"{spec.name}.validate"
    assert stores.settings.secret_key.get_secret_value() not in json.dumps(list(events.values()))


@pytest.mark.skipif(not installed(), reason="the OpenLineage provider is not installed")
def test_a_training_leads_from_the_lake_to_the_champion_and_on_to_the_predictions(emitted, spec, stores):
    events = emitted(*(f"{verb}:{NIGHT}" for verb in ("train", "ingest", "validate", "predict")))
    bucket, _, prefix = stores.lake.objects.uri.removeprefix("s3://").partition("/")
    lake = {name: (f"s3://{bucket}", f"{prefix}/{name}/{spec.name}") for name in ("validated", "predictions")}
    champion = (f"models://{spec.name}", "champion")
    promote = events[f"{spec.name}.train.promote", "COMPLETE"]
    publish = events[f"{spec.name}.predict.publish", "COMPLETE"]
    assert (named(promote["inputs"]), named(promote["outputs"])) == ([lake["validated"]], [champion])
    assert (named(publish["inputs"]), named(publish["outputs"])) == (
        sorted([champion, lake["validated"]]),
        [lake["predictions"]],
    )


@pytest.mark.skipif(not installed(), reason="the OpenLineage provider is not installed")
def test_without_a_transport_nothing_is_emitted_and_the_night_ends_well(run_dags):
    ends, printed = run_dags(f"ingest:{NIGHT}")
    assert ends[0][2] == "success"
    assert "OpenLineage" not in printed
