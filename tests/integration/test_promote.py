"""Promotion and rollback on a real S3 and a real MLflow: tried twice, cut short, and two at once."""

import itertools
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import Any

import pytest

from nightshift.contracts import Candidate, GraphRef, Promotion, SnapshotRef, Trained, Verdict
from nightshift.errors import ModelError, RegistryUnavailable, Superseded, UsageError
from nightshift.spec import ModelSpec
from nightshift.steps.maintain import maintain
from nightshift.steps.promote import promote
from nightshift.steps.rollback import rollback
from nightshift.stores import Stores
from nightshift.stores.registry import CHALLENGER, CHAMPION
from tests.champions import put_graph, set_champion
from tests.integration.test_aliases import add_versions, shown

pytestmark = pytest.mark.stack

RUN = {"airflow_dag": "m.rollback", "airflow_run": "manual__1"}
STEPS = 3
TRAINED = Trained("m", "run", "models:/m-1", SnapshotRef("m", "ab.dir", "", "", "", 10, 900, []), {})
GRAPH = GraphRef("aa", "models/m/aa/model.onnx", 1000, 0.0, 0, 400, "fp32")


class WorkerLost(BaseException):
    """What a killed worker does not catch."""


@pytest.fixture
def history(stores: Stores, spec: ModelSpec) -> ModelSpec:
    """A model whose versions 1 to 4 were champion, one after the other."""
    add_versions(stores, spec.name, 4, **put_graph(stores, spec))
    for version in "1234":
        set_champion(stores, spec.name, version)
    return spec


def verdict(spec: ModelSpec, version: str, against: str | None, passed: bool = True) -> Verdict:
    return Verdict(Candidate(spec.name, version, TRAINED, GRAPH), passed, ["a test"], champion=against)


def as_run(stores: Stores, **origin: str) -> Stores:
    """The stores of another process; without a run it is a command line."""
    return Stores(stores.settings, origin)


def moves(stores: Stores, spec: ModelSpec) -> list[tuple[str | None, str | None]]:
    entries = stores.aliases.ledger(spec.name).entries()
    return [(move.before, move.after) for move in entries if move.alias == CHAMPION]


def lose_after(stores: Stores, patch: pytest.MonkeyPatch, what: str) -> None:
    """The worker is gone right after it has appended its move, or has set MLflow's alias."""
    owner, name = {"append": (stores.lake.objects, "put_if"), "set": (stores.registry, "set_alias")}[what]
    do = getattr(owner, name)

    def act(*arguments: Any, **named: Any) -> None:
        do(*arguments, **named)
        raise WorkerLost

    patch.setattr(owner, name, act)


@pytest.mark.parametrize("what", ["append", "set"])
@pytest.mark.parametrize("to", [None, "3", "2"])
def test_a_rollback_that_is_tried_twice_goes_back_once(
    stores: Stores, history: ModelSpec, monkeypatch: pytest.MonkeyPatch, what: str, to: str | None
) -> None:
    """A6: the worker was lost after the alias had moved; the second try went back once more, or failed."""
    target = to or "3"
    first = as_run(stores, **RUN)
    lose_after(first, monkeypatch, what)
    with pytest.raises(WorkerLost):
        rollback(history, first, to=to, why="bad")
    again = rollback(history, as_run(stores, **RUN), to=to, why="bad")
    assert again == Promotion(history.name, target, "4", moved=True, reason="rollback: bad")
    assert moves(stores, history)[4:] == [("4", target)]
    assert shown(stores, history.name) == target


def test_a_retry_after_somebody_else_moved_on_moves_nothing(stores: Stores, history: ModelSpec) -> None:
    rollback(history, as_run(stores, **RUN))
    set_champion(stores, history.name, "4")
    assert rollback(history, as_run(stores, **RUN)).champion == "3"
    assert moves(stores, history)[4:] == [("4", "3"), ("3", "4")]
    assert shown(stores, history.name) == "4"


def test_another_run_and_another_dag_s_run_of_that_name_go_back_further(stores: Stores, history: ModelSpec) -> None:
    rollback(history, as_run(stores, **RUN))
    rollback(history, as_run(stores, **RUN | {"airflow_run": "manual__2"}))
    rollback(history, as_run(stores, **RUN | {"airflow_dag": "m.other"}))
    assert moves(stores, history)[4:] == [("4", "3"), ("3", "2"), ("2", "1")]


def test_a_command_line_is_never_taken_for_a_retry(stores: Stores, history: ModelSpec) -> None:
    for _ in range(2):
        rollback(history, as_run(stores, by="me"))
    assert moves(stores, history)[4:] == [("4", "3"), ("3", "2")]
    with pytest.raises(UsageError, match="the champion is version 2 and there is no earlier one"):
        rollback(history, as_run(stores, by="me"), to="2")


def test_a_move_is_done_though_mlflow_does_not_answer_then(
    stores: Stores, history: ModelSpec, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error would have a person at a command line go back once more."""
    mine = as_run(stores, by="me")

    def down(*_: Any) -> None:
        raise RegistryUnavailable("MLflow does not answer")

    monkeypatch.setattr(mine.registry, "set_alias", down)
    assert rollback(history, mine).champion == "3"
    assert "the champion has moved" in caplog.text
    assert (stores.aliases.version(history.name, CHAMPION), shown(stores, history.name)) == ("3", "4")
    maintain(history, stores)
    assert shown(stores, history.name) == "3"


def test_an_alias_set_back_by_hand_is_healed_by_the_same_rollback(stores: Stores, history: ModelSpec) -> None:
    """The suspicion: a true repetition was swallowed as already the last one, and MLflow's alias stayed wrong."""
    rollback(history, as_run(stores, by="me"), to="1")
    stores.registry.set_alias(history.name, CHAMPION, "4")
    with pytest.raises(UsageError, match="the champion is version 1"):
        rollback(history, as_run(stores, by="me"), to="1")
    assert shown(stores, history.name) == "1"


def test_a_true_repetition_is_recorded(stores: Stores, history: ModelSpec) -> None:
    for to in ("3", "4", "3", "4"):
        rollback(history, as_run(stores, by="me"), to=to)
    assert moves(stores, history)[4:] == [("4", "3"), ("3", "4")] * 2


def test_a_promotion_of_what_is_champion_puts_mlflow_right(stores: Stores, history: ModelSpec) -> None:
    stores.registry.set_alias(history.name, CHAMPION, "3")
    done = promote(history, verdict(history, "4", "3"), as_run(stores, **RUN))
    assert (done.champion, done.previous, done.moved) == ("4", "3", True)
    assert len(moves(stores, history)) == 4
    assert shown(stores, history.name) == "4"


@pytest.mark.parametrize("what", ["append", "set"])
def test_a_promotion_that_is_tried_twice_moves_once(
    stores: Stores, history: ModelSpec, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    add_versions(stores, history.name, 1, gate="pending")
    first, better = as_run(stores, **RUN), verdict(history, "5", "4")
    lose_after(first, monkeypatch, what)
    with pytest.raises(WorkerLost):
        promote(history, better, first)
    assert promote(history, better, as_run(stores, **RUN)).moved
    assert moves(stores, history)[4:] == [("4", "5")]
    assert shown(stores, history.name) == "5"
    assert stores.aliases.champion(history.name)[1] == 5


def test_a_retried_promotion_does_not_undo_a_rollback(stores: Stores, history: ModelSpec) -> None:
    add_versions(stores, history.name, 1)
    better = verdict(history, "5", "4")
    promote(history, better, as_run(stores, **RUN))
    rollback(history, as_run(stores, by="me"))
    with pytest.raises(Superseded, match="version 5 was champion before, and was taken back since"):
        promote(history, better, as_run(stores, **RUN))
    assert moves(stores, history)[4:] == [("4", "5"), ("5", "4")]


def test_a_challenger_that_is_tried_twice_is_recorded_once(stores: Stores, history: ModelSpec) -> None:
    add_versions(stores, history.name, 1)
    for _ in range(2):
        done = promote(history, verdict(history, "5", "4", passed=False), stores)
        assert (done.champion, done.moved) == ("4", False)
    assert [move.alias for move in stores.aliases.ledger(history.name).entries()][4:] == [CHALLENGER]
    assert shown(stores, history.name, CHALLENGER) == "5"
    with pytest.raises(ModelError, match="has not passed its gate"):
        rollback(history, stores, to="5")


class Turns:
    """Lets two go on by turns: who reaches a gate waits until the order says that it is its turn."""

    def __init__(self, order: tuple[str, ...]) -> None:
        self._order = list(order)
        self._changed = Condition()
        self._busy: str | None = None
        self._gone: set[str] = set()

    def gate(self, name: str) -> None:
        with self._changed:
            if self._busy == name:
                self._busy = None
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._may(name), timeout=30)

    def leave(self, name: str) -> None:
        with self._changed:
            self._gone.add(name)
            if self._busy == name:
                self._busy = None
            self._changed.notify_all()

    def _may(self, name: str) -> bool:
        while self._order and self._order[0] in self._gone:
            self._order.pop(0)
        if self._busy or (self._order and self._order[0] != name):
            return False
        if self._order:
            self._order.pop(0)
        self._busy = name
        return True


def gated(stores: Stores, turns: Turns, name: str) -> Stores:
    """Stores of another process that waits before it appends, before it sets the alias, and before it looks again."""
    mine = as_run(stores, airflow_run=name)
    owners: list[tuple[Any, str, Callable[..., bool]]] = [
        (mine.registry, "tag", lambda *_: True),
        (mine.lake.objects, "put_if", lambda key, *_: key.startswith("ledger/") and not key.endswith("head.json")),
        (mine.registry, "set_alias", lambda *_: True),
    ]
    for owner, attribute, concerns in owners:
        setattr(owner, attribute, waiting(getattr(owner, attribute), turns, name, concerns))
    return mine


def waiting(do: Callable[..., Any], turns: Turns, name: str, concerns: Callable[..., bool]) -> Callable[..., Any]:
    def act(*arguments: Any, **named: Any) -> Any:
        if concerns(*arguments):
            turns.gate(name)
        return do(*arguments, **named)

    return act


def test_of_two_promotions_at_once_one_moves_and_the_ledger_s_last_move_is_the_champion(
    stores: Stores, spec: ModelSpec
) -> None:
    """A7: in 18 of 20 orders both were promoted, and in 7 the ledger and MLflow disagreed."""
    add_versions(stores, spec.name, 1)
    set_champion(stores, spec.name, "1")
    orders = [tuple("A" if step in mine else "B" for step in range(2 * STEPS)) for mine in
              itertools.combinations(range(2 * STEPS), STEPS)]  # fmt: skip
    winners: Counter[str] = Counter()
    for number, order in enumerate(orders):
        add_versions(stores, spec.name, 2, gate="pending")
        champion = stores.aliases.version(spec.name, CHAMPION)
        candidates = {"A": str(2 * number + 2), "B": str(2 * number + 3)}
        winners[one_race(stores, spec, order, champion, candidates)] += 1
    assert len(orders) == 20
    assert winners["A"] == winners["B"] == 10
    assert stores.aliases.ledger(spec.name).head().number == 21


def one_race(
    stores: Stores, spec: ModelSpec, order: tuple[str, ...], champion: str | None, candidates: dict[str, str]
) -> str:
    """Two runs of train that compared with the same champion; who won."""
    turns = Turns(order)

    def run(name: str) -> bool:
        try:
            return promote(spec, verdict(spec, candidates[name], champion), gated(stores, turns, name)).moved
        except Superseded:
            return False
        finally:
            turns.leave(name)

    with ThreadPoolExecutor(2) as pool:
        moved = dict(zip("AB", pool.map(run, "AB"), strict=True))
    (winner,) = [name for name in "AB" if moved[name]]
    assert moves(stores, spec)[-1] == (champion, candidates[winner]), order
    assert stores.aliases.champion(spec.name)[0].version == candidates[winner] == shown(stores, spec.name), order
    return winner


def test_of_two_rollbacks_at_once_one_goes_back(
    stores: Stores, history: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people saw the same bad champion; together they went back twice."""
    mine = as_run(stores, by="me")
    pin = mine.versions.pin

    def paused(*arguments: Any) -> Any:
        monkeypatch.setattr(mine.versions, "pin", pin)
        rollback(history, as_run(stores, by="her"))
        return pin(*arguments)

    monkeypatch.setattr(mine.versions, "pin", paused)
    with pytest.raises(Superseded, match="the champion was version 4, and is version 3 since"):
        rollback(history, mine)
    assert moves(stores, history)[4:] == [("4", "3")]
