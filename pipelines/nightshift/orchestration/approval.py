"""The task ``approve``: a training waits until a person has seen what its gate found, and has said yes or no.

It stands in the Dags of models whose ``gates.approval`` asks for it; no other Dag file loads this.
"""

from typing import Any, ClassVar

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from nightshift.contracts import Approval, Promotion, Verdict
from nightshift.orchestration.guard import explained
from nightshift.orchestration.tasks import TaskContext, task_context
from nightshift.settings import export_env, settings

DIGEST = "digest"
MOST_ROWS = 60
HOW_TO_ANSWER = (
    "**Approve** makes this version the champion, **Reject** leaves the one that there is, and so does no answer within"
    " {hours} hours. What is approved is the digest below: of this verdict, of the graph, and of the champion it was"
    " compared with. If any of them changes meanwhile, nothing is promoted."
)


class ApproveVerdict(ApprovalOperator):
    """Asks where model.yaml wants a person to decide; where nobody is asked, it ends at once and nothing is skipped.

    Its result is the ``Approval``, or None. A rejected candidate is recorded as such, and the tasks after this one are
    skipped: nothing fails. Subject and body are made when it runs: texts of the data stand in them, and would be
    rendered as templates if they were fields of one.
    """

    template_fields: ClassVar = ("verdict",)
    ui_color = "#f4d58d"

    def __init__(self, *, model: str, verdict: Any, **arguments: Any) -> None:
        super().__init__(
            subject=f"May a new version of {model} become the champion?",
            defaults=ApprovalOperator.REJECT,
            ignore_downstream_trigger_rules=True,
            **arguments,
        )
        self.model = model
        self.verdict = verdict

    def execute(self, context: Any) -> Any:
        """Ask, and wait; or go on where nobody is to be asked."""
        with explained():
            export_env(settings())
            running = task_context(self.model)
            promotion = _put_before_person(running, self.verdict)
            if promotion is None:
                return None
            self._write(running, promotion)
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Approval:
        """Record a no, and pass a yes on."""
        approval = _approval(event)
        with explained():
            export_env(settings())
            running = task_context(self.model)
            if not approval.approved:
                _reject(running, self.verdict, approval)
        super().execute_complete(context, event)
        return approval

    def _write(self, running: TaskContext, promotion: Promotion) -> None:
        from nightshift.modelling.verdict_page import answer, verdict_page

        verdict: Verdict = self.verdict
        version = verdict.candidate.version
        _, url = running.stores.registry.run(verdict.candidate.trained.run_id)
        self.subject = f"{self.model} version {version}: the gate says {answer(verdict)}. Shall it score?"
        hours = running.spec.gates.approval_hours
        page = verdict_page(running.spec, verdict, MOST_ROWS)
        parts = [
            HOW_TO_ANSWER.format(hours=hours),
            f"`{promotion.waits_for}`",
            f"[Metrics, plots and slices in MLflow]({url})",
            page,
        ]
        self.body = "\n\n".join(parts)
        # The answer brings it back. Airflow shows a task that was cleared its first question again, with the digest of
        # then: a yes to that one is none to this verdict.
        self.params = ParamsDict({DIGEST: _digest_param(promotion.waits_for)})


def _digest_param(digest: str) -> Param:
    return Param(
        digest,
        type="string",
        enum=[digest],
        title="Digest",
        description="What you approve.",
    )


def _put_before_person(running: TaskContext, verdict: Verdict) -> Promotion | None:
    """The candidate as challenger that waits; None where nobody is asked."""
    from nightshift.steps.promote import put_before_person

    return put_before_person(running.spec, verdict, running.stores)


def _reject(running: TaskContext, verdict: Verdict, approval: Approval) -> None:
    from nightshift.steps.promote import promote

    promote(running.spec, verdict, running.stores, approval)


def _approval(event: dict[str, Any]) -> Approval:
    """Airflow's own record of who answered, and when; of nobody, where the time ran out."""
    person = event.get("responded_by_user") or {}
    answered = event["responded_at"]
    chosen = event.get("chosen_options") or []
    inputs = event.get("params_input") or {}
    return Approval(
        digest=str(inputs.get(DIGEST, "")),
        approved=chosen == [ApprovalOperator.APPROVE],
        by=_name(person),
        at=answered.isoformat() if answered else "",
    )


def _name(person: dict[str, str]) -> str:
    """The user's name, and the id where that is another."""
    name = person.get("name") or ""
    number = person.get("id") or ""
    if name and number and name != number:
        return f"{name} ({number})"
    return name or number
