"""Every line of a task's log says what it is about, in Airflow's own way of writing lines."""

import json
import logging

import pytest


@pytest.fixture
def as_airflow_writes(airflow_home):
    """A formatter as Airflow gives it to the handlers of a task's log file."""
    import structlog
    from airflow.sdk._shared.logging.structlog import structlog_processors

    shared, for_stdlib, _ = structlog_processors(json_output=True)
    yield structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, for_stdlib],
        foreign_pre_chain=shared,
        use_get_message=False,
        pass_foreign_args=True,
    )
    structlog.contextvars.clear_contextvars()


def test_what_a_task_works_on_stands_in_the_lines_that_follow(as_airflow_writes):
    from nightshift import logs
    from nightshift.orchestration.tasks import logged

    try:
        logged(model="orders", night="2024-01-05", run="manual")
        logged(version="3", digest="ab" * 32)
    finally:
        logs.forget()
    record = logging.getLogger("nightshift").makeRecord(
        "nightshift", logging.WARNING, "f", 1, "%s rows", ("three",), None
    )
    line = json.loads(as_airflow_writes.format(record))
    assert line["event"] == "three rows"
    about = {"model": "orders", "night": "2024-01-05", "run": "manual", "version": "3", "digest": "ab" * 32}
    assert {name: line.get(name) for name in about} == about
