"""A person decides: what is approved is a digest, and what it was the digest of must still stand."""

from typing import Any

import pytest

from nightshift.contracts import Approval, Verdict
from nightshift.errors import NotApproved, Superseded, UnsealedRecord, UsageError
from nightshift.spec import ModelSpec
from nightshift.steps.approve import approve
from nightshift.steps.promote import promote
from nightshift.stores import Stores, layout
from nightshift.stores.registry import CHALLENGER, CHAMPION
from tests.champions import append_move, set_champion
from tests.integration.test_aliases import add_versions
from tests.integration.test_promote import GRAPH, TRAINED, Candidate

pytestmark = pytest.mark.stack
ANN = {"by": "Ann", "at": "2026-11-26T07:00:00+00:00"}


@pytest.fixture
def asked(spec: ModelSpec, stores: Stores) -> ModelSpec:
    """A model with versions 1 and 2, the first of them champion, whose model.yaml always asks."""
    add_versions(stores, spec.name, 2)
    set_champion(stores, spec.name, "1")
    return asking(spec, "always")


def asking(spec: ModelSpec, when: str) -> ModelSpec:
    gates = spec.gates.model_copy(update={"approval": when})
    return spec.model_copy(update={"gates": gates})


def verdict(spec: ModelSpec, *, passed: bool = True, against: str | None = "1", **facts: Any) -> Verdict:
    candidate = Candidate(spec.name, "2", TRAINED, GRAPH)
    return Verdict(candidate, passed, ["log_loss -0.0100 against version 1"], against, **facts)


def champion(spec: ModelSpec, stores: Stores) -> str | None:
    return stores.aliases.version(spec.name, CHAMPION)


def test_what_passed_waits_as_challenger_until_its_digest_is_approved(asked: ModelSpec, stores: Stores) -> None:
    passed = verdict(asked)
    waiting = promote(asked, passed, stores)
    assert (waiting.moved, waiting.champion, len(waiting.waits_for)) == (False, "1", 64)
    assert waiting.reason.endswith(f"waits for a person to approve {waiting.waits_for[:12]}")
    assert stores.aliases.version(asked.name, CHALLENGER) == "2"
    assert stores.versions.record(asked.name, "2").gate == "failed"
    done = promote(asked, passed, stores, Approval(waiting.waits_for, True, **ANN))
    assert (done.moved, done.champion) == (True, "2")
    last = stores.aliases.ledger(asked.name).entries()[-1]
    assert last.reason == "log_loss -0.0100 against version 1; approved by Ann at 2026-11-26T07:00:00+00:00"
    assert last.origin["approved"] == waiting.waits_for
    assert (last.origin["answered_by"], last.origin["answered_at"]) == ("Ann", ANN["at"])
    assert stores.versions.pin(asked.name, "2").version == "2"
    # Another try of the same task moves nothing.
    assert promote(asked, passed, stores, Approval(waiting.waits_for, True, **ANN)).champion == "2"
    assert stores.aliases.ledger(asked.name).entries()[-1] == last


@pytest.mark.parametrize("answer", [Approval("", False, **ANN), Approval("", False, at=ANN["at"])])
def test_a_no_leaves_the_challenger_with_its_reason_in_the_ledger(
    asked: ModelSpec, stores: Stores, answer: Approval
) -> None:
    promote(asked, verdict(asked), stores)
    said = promote(asked, verdict(asked), stores, answer)
    words = "rejected by Ann at 2026-11-26T07:00:00+00:00" if answer.by else "nobody approved it in time"
    assert (said.moved, said.champion) == (False, "1")
    last = stores.aliases.ledger(asked.name).entries()[-1]
    assert (last.alias, last.after) == (CHALLENGER, "2")
    assert last.reason.endswith(words)
    record = stores.versions.record(asked.name, "2")
    assert (record.gate, record.reason) == ("failed", last.reason)


def test_a_changed_verdict_is_not_what_was_approved(asked: ModelSpec, stores: Stores) -> None:
    waiting = promote(asked, verdict(asked), stores)
    yes = Approval(waiting.waits_for, True, **ANN)
    for changed in (verdict(asked, metrics={"gate_mean": 0.1}), verdict(asked, table=[{"name": "a slice"}])):
        with pytest.raises(NotApproved, match="gate, graph or champion changed since"):
            promote(asked, changed, stores, yes)
    for other in ("", "ab" * 32):
        with pytest.raises(NotApproved):
            promote(asked, verdict(asked), stores, Approval(other, True, **ANN))
    assert champion(asked, stores) == "1"


def test_a_champion_that_moved_meanwhile_supersedes_also_when_it_is_the_same_again(
    asked: ModelSpec, stores: Stores
) -> None:
    waiting = promote(asked, verdict(asked), stores)
    yes = Approval(waiting.waits_for, True, **ANN)
    add_versions(stores, asked.name, 1)
    append_move(stores, asked.name, "3")
    with pytest.raises(Superseded):
        promote(asked, verdict(asked), stores, yes)
    append_move(stores, asked.name, "1")
    with pytest.raises(NotApproved):
        promote(asked, verdict(asked), stores, yes)
    assert champion(asked, stores) == "1"


def test_nobody_is_asked_about_a_comparison_that_is_none_any_more(asked: ModelSpec, stores: Stores) -> None:
    add_versions(stores, asked.name, 1)
    append_move(stores, asked.name, "3")
    with pytest.raises(Superseded):
        promote(asked, verdict(asked), stores)


def test_no_approval_makes_pass_what_failed(asked: ModelSpec, stores: Stores) -> None:
    with pytest.raises(NotApproved, match="did not pass its gate"):
        promote(asked, verdict(asked, passed=False), stores, Approval("ab" * 32, True, **ANN))
    unsure = verdict(asked, passed=False, inconclusive=True)
    waiting = promote(asked, unsure, stores)
    with pytest.raises(NotApproved, match=r"gates\.approval is never"):
        promote(asking(asked, "never"), unsure, stores, Approval(waiting.waits_for, True, **ANN))
    assert promote(asked, unsure, stores, Approval(waiting.waits_for, True, **ANN)).moved


def test_a_command_line_approves_by_the_first_digits(asked: ModelSpec, stores: Stores) -> None:
    waiting = promote(asked, verdict(asked, metrics={"gate_mean": float("nan"), "brier": 0.1}), stores)
    promotion = approve(asked, waiting.waits_for[:8], stores)
    assert (promotion.moved, promotion.champion) == (True, "2")
    assert "approved by " in promotion.reason


def test_a_command_line_says_which_digest_it_does_not_know(asked: ModelSpec, stores: Stores) -> None:
    waiting = promote(asked, verdict(asked), stores).waits_for
    for wrong, message in (("../x", "is no digest"), ("ab" * 8, "asked about no verdicts")):
        with pytest.raises(UsageError, match=message):
            approve(asked, wrong, stores)
    place = layout.asked(asked.name, waiting)
    body, _ = stores.lake.objects.get(place)
    forged = layout.asked(asked.name, "ab" * 32)
    stores.lake.objects.put(forged, body)
    with pytest.raises(UnsealedRecord, match="no seal that is believed"):
        approve(asked, "ab" * 32, stores)
