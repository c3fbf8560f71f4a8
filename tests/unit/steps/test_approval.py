"""Who is asked about what, and what the digest that a person approves is of."""

from dataclasses import replace
from typing import Any

import pytest

from nightshift.contracts import Approval, Candidate, GraphRef, SnapshotRef, Trained, Verdict
from nightshift.spec import ModelSpec
from nightshift.steps._approval import answer_of, asks, digest_of
from nightshift.stores.aliases import AliasHead, LastMove
from nightshift.stores.registry import CHALLENGER, CHAMPION

TRAINED = Trained("m", "run", "models:/m-1", SnapshotRef("m", "ab.dir", "", "", "", 10, 900, []), {})
CANDIDATE = Candidate("m", "2", TRAINED, GraphRef("aa", "models/m/aa/model.onnx", 1000, 0.0, 0, 400, "fp32"))
VERDICT = Verdict(CANDIDATE, True, ["better"], "1", {"brier": 0.1}, [{"name": "a slice", "estimate": 0.25}])


def head(**numbers: int) -> AliasHead:
    last = {alias: LastMove(number=number, version="1") for alias, number in numbers.items()}
    return AliasHead(last=last)


@pytest.mark.parametrize(
    ("when", "of_passed", "of_inconclusive", "of_failed"),
    [("never", False, False, False), ("on_inconclusive", False, True, False), ("always", True, True, False)],
)
def test_who_is_asked_about_what(
    spec: ModelSpec, when: str, of_passed: bool, of_inconclusive: bool, of_failed: bool
) -> None:
    gates = spec.gates.model_copy(update={"approval": when})
    spec = spec.model_copy(update={"gates": gates})
    assert asks(spec, VERDICT) == of_passed
    assert asks(spec, replace(VERDICT, promote=False, inconclusive=True)) == of_inconclusive
    assert asks(spec, replace(VERDICT, promote=False)) == of_failed


def test_by_default_nobody_is_asked(spec: ModelSpec) -> None:
    assert not asks(spec, VERDICT)
    assert not asks(spec, replace(VERDICT, promote=False, inconclusive=True))


CHANGES: list[dict[str, Any]] = [
    {"champion": "3"},
    {"promote": False},
    {"inconclusive": True},
    {"reasons": ["better", "and more"]},
    {"metrics": {"brier": 0.1000001}},
    {"table": [{"name": "a slice", "estimate": 0.5}]},
    {"candidate": replace(CANDIDATE, version="4")},
    {"candidate": replace(CANDIDATE, graph=replace(CANDIDATE.graph, sha256="bb"))},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_the_digest_is_of_all_that_was_found(change: dict[str, Any]) -> None:
    assert digest_of(replace(VERDICT, **change), head()) != digest_of(VERDICT, head())


def test_the_digest_is_of_the_champion_s_move_and_of_no_other() -> None:
    before = digest_of(VERDICT, head(**{CHAMPION: 3, CHALLENGER: 4}))
    assert digest_of(VERDICT, head(**{CHAMPION: 3, CHALLENGER: 9})) == before
    assert digest_of(VERDICT, head(**{CHAMPION: 5, CHALLENGER: 4})) != before


def test_what_a_person_said_is_one_short_sentence() -> None:
    assert answer_of(Approval("aa", True, by="ann")) == "approved by ann"
    assert answer_of(Approval("aa", False, by="x" * 500, at="2026")) == f"rejected by {'x' * 60} at 2026"
    assert answer_of(Approval("aa", False, at="2026")) == "nobody approved it in time"
