"""The Dags: every file yields some, their shapes are these, and no task forgets the guard."""

from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
TRAINING = {
    "window": {"load"},
    "load": {"snapshot"},
    "snapshot": {"train"},
    "train": {"register"},
    "register": {"optimize"},
    "optimize": {"evaluate"},
    "evaluate": {"promote"},
    "promote": {"conclude"},
    "conclude": set(),
}
WITH_SEARCH = {"snapshot": {"search", "train"}, "search": {"train"}}
"""What is another in the training of a model that searches; ``test_search`` holds it to that."""
SHAPES = {
    "ingest": {"ingest": set(), "labels": set()},
    "validate": {"validate": set()},
    "predict": {"plan": {"score", "publish"}, "score": {"publish"}, "publish": set()},
    "monitor": {
        "monitor": {"govern"},
        "govern": {"retrain", "confirm"},
        "retrain": {"confirm"},
        "confirm": set(),
    },
    "train": TRAINING,
    "retrain": TRAINING,
    "rollback": {"rollback": {"rescore"}, "rescore": set()},
    "retract": {"retract": set()},
    "maintain": {"maintain": set()},
}
OUTLETS = {
    "ingest": {"ingest": "raw"},
    "validate": {"validate": "validated"},
    "predict": {"publish": "predictions"},
    "monitor": {},
    "train": {"promote": "champion"},
    "retrain": {"promote": "champion"},
    "rollback": {"rollback": "champion"},
    "retract": {},
    "maintain": {},
}
# Of a model with ``shadow``, which none of the project has.
IN_SHADOW = {
    "plan": {"score", "publish"},
    "score": {"publish"},
    "publish": {"shadow"},
    "shadow": {"shadow_verdict"},
    "shadow_verdict": set(),
}
WITH_CANARY = {
    "plan": {"score", "publish"},
    "score": {"publish"},
    "publish": {"canary_verdict"},
    "canary_verdict": {"shadow"},
    "shadow": {"shadow_verdict"},
    "shadow_verdict": set(),
}
# Tasks that are no steps of ours, with the reason that they need no guard.
UNGUARDED = {"monitor.retrain": "Airflow's own trigger operator: it calls no step and reads no store"}


def models() -> list[str]:
    return sorted(path.parent.name for path in PROJECT.glob("models/*/model.yaml"))


def test_no_file_fails_to_import(dagbag):
    assert dagbag.import_errors == {}


def test_every_dag_file_yields_dags(dagbag):
    # A file without the words "airflow" and "dag" or "asset" is skipped without a word.
    files = {path.name: path.read_text().lower() for path in (PROJECT / "dags").glob("*.py")}
    assert {name for name, text in files.items() if "airflow" in text and "dag" in text} == set(files)
    # One makes none: it shows what is wrong with a model.yaml.
    assert {Path(dag.fileloc).name for dag in dagbag.dags.values()} == set(files) - {"nightshift_specs.py"}


def test_the_shapes_are_those_of_all_families(families):
    assert list(SHAPES) == list(OUTLETS) == list(families)


def test_every_model_has_every_family(dagbag, families):
    assert set(dagbag.dags) == {f"{model}.{verb}" for model in models() for verb in families}


def test_every_task_is_a_step_task(dagbag):
    """One that forgets the guard would show a traceback for a person's mistake, and never be retried in an outage."""
    from nightshift.orchestration.tasks import step_task

    unguarded = set()
    for dag_id, dag in dagbag.dags.items():
        for task in dag.tasks:
            body = getattr(task, "python_callable", None) or getattr(task, "partial_kwargs", {}).get("python_callable")
            if getattr(body, "__code__", None) not in step_task.__code__.co_consts:
                unguarded.add(f"{dag_id.partition('.')[2]}.{task.task_id}")
    assert unguarded == set(UNGUARDED)


@pytest.mark.parametrize("model", models())
@pytest.mark.parametrize("verb", SHAPES)
def test_shape(dagbag, model, verb):
    dag = dagbag.dags[f"{model}.{verb}"]
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == SHAPES[verb]


def test_a_shadow_comes_after_the_night_is_published_and_does_not_fail_it_nor_hold_it_long(change):
    """Teardowns do not count for the run's state; who waits for the predictions is started by ``publish``."""
    from nightshift.orchestration.predict import predict_dag
    from nightshift.spec import load_spec

    name, *_ = models()
    spec = load_spec(PROJECT / "models" / name / "model.yaml")
    dag = predict_dag(change(spec, shadow={}))
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == IN_SHADOW
    assert {task.task_id for task in dag.teardowns} == {"shadow", "shadow_verdict"}
    assert not any(task.on_failure_fail_dagrun for task in dag.teardowns)
    score, *beside = (dag.get_task(task) for task in ("score", "shadow", "shadow_verdict"))
    for task in beside:
        assert task.execution_timeout < score.execution_timeout
        assert task.retry_policy.patience < score.retry_policy.patience
    outlets = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert outlets == {"publish": [f"{name}.predictions"], "shadow_verdict": [f"{name}.champion"]}
    assert SHAPES["predict"] == {task.task_id: task.downstream_task_ids for task in predict_dag(spec).tasks}


def test_a_canary_is_judged_after_the_night_is_published_and_before_who_stands_in_the_shadow(change):
    """It frees the place that whoever proves better in the shadow goes to."""
    from nightshift.orchestration.predict import predict_dag
    from nightshift.spec import load_spec

    name, *_ = models()
    spec = load_spec(PROJECT / "models" / name / "model.yaml")
    dag = predict_dag(change(spec, shadow={}, canary={}))
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == WITH_CANARY
    assert {task.task_id for task in dag.teardowns} == {"canary_verdict", "shadow", "shadow_verdict"}
    assert not any(task.on_failure_fail_dagrun for task in dag.teardowns)
    judge = dag.get_task("canary_verdict")
    assert (judge.max_active_tis_per_dag, [asset.name for asset in judge.outlets]) == (1, [f"{name}.champion"])
    alone = predict_dag(change(spec, canary={}))
    assert {task.task_id for task in alone.teardowns} == {"canary_verdict"}


def test_what_was_answered_by_day_is_scored_again_where_model_yaml_says_so_and_holds_nothing_up(change):
    from nightshift.orchestration.monitor import monitor_dag
    from nightshift.spec import load_spec

    name, *_ = models()
    dag = monitor_dag(change(load_spec(PROJECT / "models" / name / "model.yaml"), predict={"replay": True}))
    assert {task.task_id: task.downstream_task_ids for task in dag.tasks} == SHAPES["monitor"] | {"replay": set()}
    assert dag.get_task("replay").upstream_task_ids == set()


@pytest.mark.parametrize("model", models())
@pytest.mark.parametrize("verb", OUTLETS)
def test_assets_that_it_updates(dagbag, model, verb):
    dag = dagbag.dags[f"{model}.{verb}"]
    updated = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    assert updated == {task: [f"{model}.{name}"] for task, name in OUTLETS[verb].items()}


@pytest.mark.parametrize("model", models())
@pytest.mark.parametrize(("verb", "asset"), [("validate", "raw"), ("predict", "validated"), ("monitor", "predictions")])
def test_a_night_starts_the_next_dag(dagbag, model, verb, asset):
    assert dagbag.dags[f"{model}.{verb}"].timetable.asset_condition.name == f"{model}.{asset}"


def test_each_task_works_on_the_model_of_its_dag(dagbag):
    # A task that closes over a loop variable would get the last model in every Dag.
    for dag_id, dag in dagbag.dags.items():
        model = dag_id.partition(".")[0]
        for task in dag.tasks:
            given = getattr(task, "op_args", None) or getattr(task, "op_kwargs_expand_input", None) or ()
            assert not isinstance(given, tuple) or not given or given[0] == model, (dag_id, task.task_id)


def test_policies(dagbag):
    for dag_id, dag in dagbag.dags.items():
        assert dag.doc_md, dag_id
        assert {"nightshift", dag_id.partition(".")[0]} <= dag.tags, dag_id
        assert dag.max_active_runs <= 4, dag_id
        assert not dag.catchup, dag_id
        for task in dag.tasks:
            where = f"{dag_id}/{task.task_id}"
            assert task.owner != "airflow", where
            assert task.retries >= 1, where
            assert task.execution_timeout is not None, where


def test_only_outages_are_retried(dagbag):
    from nightshift.orchestration.guard import Interrupted, Refused

    policy = dagbag.dags["flight_delays.ingest"].get_task("ingest").retry_policy
    assert policy.evaluate(Interrupted(1), 1, 3).action.value == "retry"
    assert policy.evaluate(ConnectionResetError(), 1, 3).action.value == "retry"
    assert policy.evaluate(Refused(1), 1, 3).action.value == "fail"
    assert policy.evaluate(KeyError("a fault of ours"), 1, 3).action.value == "fail"


def told_of(callbacks):
    return [callback.happening for callback in callbacks]


def test_every_task_tells_when_it_fails_for_good_and_when_it_went_well(dagbag):
    from nightshift.orchestration.notifier import RUN_TIMED_OUT, TASK_FAILED, TASK_WENT_WELL

    for dag_id, dag in dagbag.dags.items():
        assert told_of(dag.on_failure_callback) == [RUN_TIMED_OUT], dag_id
        for task in dag.tasks:
            where = f"{dag_id}/{task.task_id}"
            assert told_of(task.on_failure_callback) == [TASK_FAILED], where
            assert told_of(task.on_success_callback) == [TASK_WENT_WELL], where
            # An outage heals by itself, mostly: nobody is told before patience ends.
            assert not task.on_retry_callback, where


def test_a_shadow_that_fails_tells_nobody(change):
    from nightshift.orchestration.predict import predict_dag
    from nightshift.spec import load_spec

    name, *_ = models()
    dag = predict_dag(change(load_spec(PROJECT / "models" / name / "model.yaml"), shadow={}))
    assert not any(task.on_failure_callback for task in dag.teardowns)


def test_a_night_that_is_to_be_published_by_a_time_has_a_deadline_on_the_dags_that_it_goes_through(
    airflow_home, change, families, monkeypatch
):
    """As Airflow keeps it: serialized, read again by its plugin, and asked for a run of a night that is there."""
    import datetime as dt

    from airflow import plugins_manager, settings
    from airflow.sdk.definitions.callback import AsyncCallback
    from airflow.serialization.decoders import decode_deadline_alert
    from airflow.serialization.encoders import encode_deadline_alert
    from airflow.serialization.enums import DagAttributeTypes, Encoding

    from nightshift.orchestration.deadlines import deadline
    from nightshift.spec import load_spec

    name, *_ = models()
    spec = load_spec(PROJECT / "models" / name / "model.yaml")
    assert not any(family(spec).deadline for family in families.values())
    by_six = change(spec, night={"published_by": "06:00"})
    having = {verb for verb, family in families.items() if family(by_six).deadline}
    assert having == {"ingest", "validate", "predict"}
    made = deadline(by_six)
    assert isinstance(made.callback, AsyncCallback)
    assert made.callback.kwargs == {"happening": "night is late", "model": name}
    kept = {Encoding.TYPE: DagAttributeTypes.DEADLINE_ALERT, Encoding.VAR: encode_deadline_alert(made)}
    # Airflow that was imported before, for another test of this worker, looks for plugins where that had none.
    monkeypatch.setattr(settings, "PLUGINS_FOLDER", str(PROJECT / "plugins"))
    plugins_manager._get_plugins.cache_clear()
    plugins_manager.get_deadline_references_plugins.cache_clear()
    reference = decode_deadline_alert(kept).reference

    class OfTomorrow:
        """A session in which the run is of a night that is not due yet."""

        def scalar(self, _query):
            return (dt.date.today() + dt.timedelta(days=1)).isoformat()

    due = reference.evaluate_with(session=OfTomorrow(), interval=dt.timedelta(), dag_id="d", run_id="r")
    assert due.hour == 6
    assert due.date() > dt.date.today()


def test_a_deadline_that_is_missed_is_told_by_the_notifier_in_the_triggerer(airflow_home, monkeypatch):
    import asyncio

    from airflow.triggers.callback import CallbackTrigger

    asked = []
    monkeypatch.setattr("nightshift.steps.tell.tell_late", lambda model, *_: asked.append(model))

    async def run():
        path = "nightshift.orchestration.notifier.NightNotifier"
        kwargs = {"happening": "night is late", "model": "orders", "context": {"dag_run": {}, "deadline": {}}}
        return [event.payload["state"] async for event in CallbackTrigger(path, kwargs).run()]

    assert asyncio.run(run())[-1] == "success"
    assert asked == ["orders"]


def test_a_task_that_goes_well_opens_no_store_where_nobody_is_to_be_told(airflow_home, monkeypatch):
    from nightshift.orchestration.notifier import TASK_WENT_WELL, NightNotifier

    opened = []
    monkeypatch.setattr("nightshift.orchestration.notifier.Stores", lambda *_: opened.append("stores"))
    NightNotifier(TASK_WENT_WELL).notify({})
    assert opened == []
