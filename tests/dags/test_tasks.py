"""``step_task``: how each kind of error ends a task, and what a task's libraries see."""

import os

import pytest

from nightshift.errors import LakeUnavailable, NoSourceData, Superseded, UsageError
from nightshift.settings import settings


@pytest.fixture
def run(airflow_home, project, monkeypatch):
    """``run(body, ...)``: what Airflow calls for a task of this body, in a project of its own."""
    from nightshift.orchestration.tasks import step_task

    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
    monkeypatch.setenv("NIGHTSHIFT_HOME", str(project / "home"))
    settings.cache_clear()
    yield lambda body, *arguments: step_task(body).function(*arguments)
    settings.cache_clear()


def raising(error):
    def body():
        raise error

    return body


def test_a_result_is_given_on_under_the_body_s_name(run, airflow_home):
    from nightshift.orchestration.tasks import step_task

    def double(number: int) -> int:
        """Twice as much."""
        return 2 * number

    assert run(double, 21) == 42
    assert step_task(double).function.__name__ == "double"
    assert step_task(double).function.__doc__ == "Twice as much."


@pytest.mark.parametrize("notice", [NoSourceData("no rows"), Superseded("another was first")])
def test_what_is_no_failure_is_a_skip_with_its_reason(run, notice):
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match=notice.message):
        run(raising(notice))


def test_an_outage_is_interrupted_and_a_mistake_refused_with_one_line_each(run, caplog):
    from nightshift.orchestration.guard import Interrupted, Refused

    with pytest.raises(Interrupted):
        run(raising(LakeUnavailable("S3 is gone")))
    with pytest.raises(Refused):
        run(raising(UsageError("no such night", fix="give another")))
    assert [record.message for record in caplog.records] == [
        "LakeUnavailable: S3 is gone",
        "UsageError: no such night\n  -> give another",
    ]


def test_a_time_limit_that_ran_out_is_interrupted_with_one_line(run, caplog):
    from airflow.sdk.exceptions import AirflowTaskTimeout

    from nightshift.orchestration.guard import TIMED_OUT, Interrupted

    with pytest.raises(Interrupted):
        run(raising(AirflowTaskTimeout("Timeout, PID: 1")))
    assert [record.message for record in caplog.records] == [TIMED_OUT]


def test_a_fault_of_ours_keeps_its_traceback(run):
    with pytest.raises(KeyError):
        run(raising(KeyError("x")))


def test_a_task_outside_a_project_is_refused(run, monkeypatch, tmp_path):
    from nightshift.orchestration.guard import Refused

    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(tmp_path / "gone"))
    settings.cache_clear()
    with pytest.raises(Refused):
        run(lambda: 1)


def test_libraries_see_the_environment_file(run, project, monkeypatch):
    # Registered for removal after the test: export_env sets it.
    monkeypatch.setenv("SHOP_DATABASE_URL", "")
    monkeypatch.delenv("SHOP_DATABASE_URL")
    (project / "home").mkdir()
    (project / "home" / "env").write_text("SHOP_DATABASE_URL=sqlite://\n")
    assert run(lambda: os.environ["SHOP_DATABASE_URL"]) == "sqlite://"


class Run:
    """What Airflow knows of a run that was triggered with a conf."""

    def __init__(self, dag_id, conf):
        self.dag_id, self.conf = dag_id, conf


@pytest.mark.parametrize(
    "verb", ["rollback", "retract", "train", "retrain", "predict", "ingest", "validate", "maintain"]
)
def test_a_parameter_that_a_dag_does_not_have_is_refused_before_anything_is_done(airflow_home, spec, verb):
    from nightshift.orchestration.families import FAMILIES
    from nightshift.orchestration.tasks import require_known_parameters

    dag = FAMILIES[verb](spec)
    known = {"partition": "2024-01-01"} if verb not in {"rollback", "maintain"} else {}
    for conf in (None, {}, known, dict.fromkeys(dag.params)):
        require_known_parameters({"dag": dag, "dag_run": Run(dag.dag_id, conf)})
    for unknown in ("older", "Version", "version\n", "{{ ds }}"):
        with pytest.raises(UsageError, match=rf"{verb} has no parameter .*; it takes") as error:
            require_known_parameters({"dag": dag, "dag_run": Run(dag.dag_id, {unknown: 1})})
        assert "trigger it again" in error.value.fix


@pytest.mark.parametrize("version", ["1\n", "\u0661", "latest", "01", "1; drop"])
def test_a_version_is_a_number_in_plain_digits(airflow_home, spec, version):
    from airflow.sdk.exceptions import ParamValidationError

    from nightshift.orchestration.rollback import rollback_dag

    parameter = rollback_dag(spec).params.get_param("version")
    assert parameter.resolve("12") == "12"
    with pytest.raises(ParamValidationError):
        parameter.resolve(version)
