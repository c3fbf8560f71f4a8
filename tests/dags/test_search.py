"""A training that searches: the shape of its Dag, and how long it may take."""

import datetime as dt

import pytest

from tests.dags.test_dags import SHAPES, WITH_SEARCH


@pytest.mark.parametrize("verb", ["train", "retrain"])
def test_only_a_model_with_a_search_has_the_task(airflow_home, families, spec, change, verb):
    without = families[verb](spec)
    dag = families[verb](change(spec, search={"minutes": 90}))
    shape = {task.task_id: task.downstream_task_ids for task in dag.tasks}
    assert shape == SHAPES[verb] | WITH_SEARCH
    longer = dt.timedelta(minutes=90)
    assert dag.dagrun_timeout == without.dagrun_timeout + longer
    usual = dag.get_task("train").execution_timeout
    assert dag.get_task("search").execution_timeout == usual + longer
    assert dag.get_task("search").retries == dag.get_task("train").retries
