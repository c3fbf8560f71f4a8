"""Run ``evaluate >> approve >> promote`` with ``dag.test()`` and a person who answers by Airflow's own route.

Usage: approval_probe.py MODEL VERDICT ANSWER ...; an answer is Approve, Reject, late or other. Prints the end of each
run as JSON. Run by test_approval.py, one process for all answers. The Dag is the training's without what trains.
"""

import datetime as dt
import json
import os
import sys
import threading
import time
import traceback

from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.jobs.job import Job
from airflow.jobs.scheduler_job_runner import SchedulerJobRunner
from airflow.models.dagbundle import DagBundleModel
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.sdk import timezone
from airflow.utils.session import create_session
from sqlalchemy import select

from nightshift.contracts import Verdict
from nightshift.orchestration import train
from nightshift.orchestration.tasks import step_task

PATIENCE_S = 600
SEEN = {}


def end(failed: threading.ExceptHookArgs) -> None:
    """Without its person a run waits for ever."""
    traceback.print_exception(failed.exc_value)
    os._exit(1)


def answer(said: str) -> None:
    """Wait until a run asks, keep what it shows, and answer as a person or the scheduler does."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with create_session() as session:
            waiting = session.scalar(select(TaskInstance).where(TaskInstance.state == "awaiting_input"))
            if waiting is not None:
                detail = session.scalar(select(HITLDetail).where(HITLDetail.ti_id == waiting.id))
                SEEN[said] = [detail.subject, detail.body, detail.defaults, detail.params["digest"]["value"]]
                _respond(waiting, said, detail.params["digest"]["value"], session)
                return
        time.sleep(0.2)
    raise TimeoutError("the run never asked")


def _respond(waiting: TaskInstance, said: str, digest: str, session) -> None:
    if said == "late":
        waiting.trigger_timeout = timezone.utcnow() - dt.timedelta(seconds=1)
        session.commit()
        SchedulerJobRunner(Job()).check_awaiting_input_timeouts(session=session)
        return
    chosen = "Reject" if said == "Reject" else "Approve"
    update_hitl_detail(
        dag_id=waiting.dag_id,
        dag_run_id=waiting.run_id,
        task_id=waiting.task_id,
        update_hitl_detail_payload=UpdateHITLDetailPayload(
            chosen_options=[chosen], params_input={"digest": "ab" * 32 if said == "other" else digest}
        ),
        user=SimpleAuthManagerUser(username="ann", role="admin"),
        session=session,
        map_index=-1,
    )


class Nothing:
    """In place of a task: it makes none."""

    def __call__(self, *_, **__) -> None:
        return None

    def partial(self, **_) -> "Nothing":
        return self

    def expand(self, **_) -> "Nothing":
        return self

    def __rshift__(self, other) -> None:
        return None


def main() -> None:
    """Sync all Dags to the database, then one run an answer."""
    model, verdict, *answers = sys.argv[1:]
    threading.excepthook = end
    canned = Verdict(**json.loads(verdict))

    def evaluated(*_, **__) -> Verdict:
        return canned

    for name in ("window", "load", "snapshot", "train", "register", "optimize"):
        setattr(train, name, Nothing())
    train.evaluate = step_task(evaluated).override(task_id="evaluate")
    bag = DagBag()
    assert not bag.import_errors, bag.import_errors
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
    sync_bag_to_db(bag, "dags-folder", None)
    ends = []
    for said in answers:
        threading.Thread(target=answer, args=(said,), daemon=True).start()
        run = bag.dags[f"{model}.train"].test(run_conf={"partition": "2024-01-12"})
        states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
        ends.append([said, str(run.state), states, SEEN.get(said)])
    print("\n" + json.dumps(ends))


if __name__ == "__main__":
    main()
