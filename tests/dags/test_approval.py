"""A training that waits for a person: the shape of its Dag, and what each answer comes to, in Airflow's own runner."""

import datetime as dt
import json
from dataclasses import asdict

import pytest

from nightshift.contracts import Verdict
from nightshift.markdown import as_markdown
from nightshift.stores.registry import CHALLENGER, CHAMPION
from tests.champions import set_champion
from tests.dags.test_dags import SHAPES
from tests.integration.test_aliases import add_versions
from tests.integration.test_promote import GRAPH, TRAINED, Candidate

BAD = "{{ 7 * 7 }} {% raw %} <b>"


def asking(change, spec, when, **gates):
    return change(spec, gates={"approval": when, **gates})


def shape(dag):
    return {task.task_id: task.downstream_task_ids for task in dag.tasks}


@pytest.mark.parametrize("verb", ["train", "retrain"])
def test_only_a_model_that_asks_has_the_task(airflow_home, families, spec, change, verb):
    silent = families[verb](spec)
    assert shape(silent) == SHAPES[verb]
    for when in ("on_inconclusive", "always"):
        dag = families[verb](asking(change, spec, when, approval_hours=10))
        wanted = SHAPES[verb] | {"evaluate": {"approve", "promote"}, "approve": {"promote"}}
        assert shape(dag) == wanted
        assert dag.dagrun_timeout == silent.dagrun_timeout + dt.timedelta(hours=10)


def test_no_answer_is_no_and_nothing_of_the_question_is_a_template(airflow_home, families, spec, change):
    from airflow.serialization.serialized_objects import DagSerialization

    dag = families["train"](asking(change, spec, "always"))
    task = dag.get_task("approve")
    assert (task.defaults, task.ignore_downstream_trigger_rules, task.fail_on_reject) == (["Reject"], True, False)
    assert task.response_timeout == dt.timedelta(hours=72)
    assert task.template_fields == ("verdict",)
    again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert again.get_task("approve").downstream_task_ids == {"promote"}


@pytest.mark.stack
def test_what_each_answer_comes_to(run_approval, spec, stores):
    ends, printed = run_approval("late", "other", "Approve")
    states = {said: (state, tasks["approve"], tasks["promote"]) for said, state, tasks, _ in ends}
    assert states == {
        "late": ("success", "success", "skipped"),
        "other": ("failed", "success", "failed"),
        "Approve": ("success", "success", "success"),
    }
    _, _, _, (subject, body, defaults, digest) = ends[0]
    assert subject == f"{spec.name} version 2: the gate says passed. Shall it score?"
    assert defaults == ["Reject"]
    assert as_markdown(BAD) in body
    assert f"`{digest}`" in body
    assert "?workflowType=machine_learning)" in body
    assert stores.aliases.version(spec.name, CHAMPION) == "2"
    moves = stores.aliases.ledger(spec.name).entries()
    told = [(move.alias, move.reason.rpartition("; ")[-1].partition(" at ")[0]) for move in moves[1:]]
    assert told == [
        (CHALLENGER, f"waits for a person to approve {digest[:12]}"),
        (CHALLENGER, "nobody approved it in time"),
        (CHAMPION, "approved by ann"),
    ]
    assert moves[-1].origin["approved"] == digest
    assert moves[-1].origin["airflow_dag"] == f"{spec.name}.train"
    assert "gate, graph or champion changed since the person looked" in printed
    assert "Traceback" not in printed


@pytest.fixture
def run_approval(run_dags, spec, stores, model_folder, change):
    """``run_approval(answer, ...)`` for version 2, which passed, of a model whose version 1 is champion."""
    text = (model_folder / "model.yaml").read_text()
    (model_folder / "model.yaml").write_text(text.replace("gates:", "gates:\n  approval: always"))
    add_versions(stores, spec.name, 2)
    set_champion(stores, spec.name, "1")
    run_id = stores.registry.client.get_model_version(spec.name, "2").run_id
    trained = {**asdict(TRAINED), "run_id": run_id}
    candidate = {**asdict(Candidate(spec.name, "2", TRAINED, GRAPH)), "trained": trained}
    table = [{"name": BAD, "estimate": 0.1}]
    verdict = asdict(Verdict(candidate, True, ["better", BAD], "1", {"brier": 0.1}, table))
    return lambda *answers: run_dags(json.dumps(verdict), *answers, probe="approval_probe.py")
