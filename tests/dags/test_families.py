"""One table makes all Dags: what a Dag file gets of it, and what happens when a model or a family is wrong."""

from pathlib import Path

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
    # What Airflow's task runner says when it reads the file to run one task.
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", f"{spec.name}.predict")
    assert ids(project_dags()) == [f"{spec.name}.predict"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "a_dag_of_the_team")
    assert project_dags() == []


BROKEN = {
    "no_key": ({"nihgt": {"min_rows": 1}}, "nihgt: unknown key; did you mean night? allowed: "),
    "no_name": ({"columns": {False: {"type": "string"}}}, "columns.false: YAML reads false as true or false"),
    "no_cron": ({"partition": {"schedule": "99 * * * *"}}, "partition.schedule: got '99 * * * *', allowed: cron"),
}


def test_a_wrong_model_costs_its_own_dags_alone_and_is_an_import_error(here, spec, families, make_project, repository):
    """Airflow stops every Dag of a file that has an import error, so the error is one of another file."""
    from airflow.dag_processing.dagbag import DagBag

    for name, (changes, _) in BROKEN.items():
        make_project(here, name=name, **changes)
    bag = DagBag(repository / "dags")
    assert sorted(bag.dags) == sorted(f"{spec.name}.{verb}" for verb in families)
    ((file, error),) = bag.import_errors.items()
    assert Path(file).name == "nightshift_specs.py"
    assert {Path(dag.fileloc).name for dag in bag.dags.values()} == {"nightshift_dags.py"}
    for name, (_, message) in BROKEN.items():
        assert f"{here}/models/{name}/model.yaml: " in error
        assert message in error


def test_a_task_of_a_wrong_model_says_what_is_wrong(here, make_project, monkeypatch):
    from nightshift.orchestration.families import project_dags

    make_project(here, name="broken", nihgt={"min_rows": 1})
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "broken.predict")
    with pytest.raises(SpecError, match="nihgt: unknown key"):
        project_dags()


def test_where_no_dag_could_be_made_the_dag_file_says_so_itself(here, model_folder, repository):
    from airflow.dag_processing.dagbag import DagBag

    (model_folder / "model.yaml").write_text("name: [")
    bag = DagBag(repository / "dags")
    assert not bag.dags
    assert sorted(Path(file).name for file in bag.import_errors) == ["nightshift_dags.py", "nightshift_specs.py"]


def test_a_wrong_family_is_an_import_error_of_its_file(here, tmp_path, spec):
    from airflow.dag_processing.dagbag import DagBag

    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "upside_down.py").write_text(DAG_FILE)
    bag = DagBag(tmp_path / "dags")
    ((file, error),) = bag.import_errors.items()
    assert file.endswith("upside_down.py")
    assert f"no such Dag for {spec.name}" in error
