"""One table makes all Dags: what a Dag file gets of it, and what happens when a model or a family is wrong."""

import pytest

from nightshift.errors import SpecError
from nightshift.settings import settings

DAG_FILE = """
# An airflow dag file whose one family is wrong.
from nightshift.orchestration.families import project_dags

def upside_down_dag(spec):
    raise ValueError(f"no such Dag for {spec.name}")

project_dags({"upside_down": upside_down_dag})
"""


@pytest.fixture
def here(airflow_home, project, monkeypatch):
    """A project with one small model, which this process works in."""
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
    settings.cache_clear()
    yield project
    settings.cache_clear()


def ids(dags):
    return [dag.dag_id for dag in dags]


def test_every_family_makes_the_dag_of_its_verb(here, families, spec):
    from nightshift.orchestration.families import project_dags

    assert ids(project_dags()) == [f"{spec.name}.{verb}" for verb in families]


def test_the_chain_that_the_demo_follows_is_made_of_families_in_their_order(families):
    from nightshift.demo.chain import CHAIN

    assert [verb for verb in families if verb in CHAIN] == list(CHAIN)


def test_a_task_gets_its_own_dag_alone_though_another_model_is_wrong(here, spec, make_project, monkeypatch):
    from nightshift.orchestration.families import project_dags

    make_project(here, name="broken", nihgt={"min_rows": 1})
    with pytest.raises(SpecError, match="nihgt: unknown key"):
        project_dags()
    # What Airflow's task runner says when it reads the file to run one task.
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", f"{spec.name}.predict")
    assert ids(project_dags()) == [f"{spec.name}.predict"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "a_dag_of_the_team")
    assert project_dags() == []


def test_a_wrong_family_is_an_import_error_of_its_file(here, tmp_path, spec):
    from airflow.dag_processing.dagbag import DagBag

    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "upside_down.py").write_text(DAG_FILE)
    bag = DagBag(tmp_path / "dags")
    ((file, error),) = bag.import_errors.items()
    assert file.endswith("upside_down.py")
    assert f"no such Dag for {spec.name}" in error
