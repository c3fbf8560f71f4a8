"""The ledger on a real S3: every move once, in order, whoever writes beside."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nightshift.errors import LakeUnavailable
from nightshift.stores import Stores
from nightshift.stores.ledger import AliasMove, Ledger
from nightshift.stores.objects import ConditionFailed

pytestmark = pytest.mark.stack


def replace(move: AliasMove, **changes: Any) -> AliasMove:
    return move.model_copy(update=changes)


FIRST = AliasMove(
    model="m", alias="champion", before=None, after="1", reason="the first champion", origin={"by": "tests"}
)
SECOND = replace(FIRST, before="1", after="2", reason="better")
BACK = replace(FIRST, before="2", after="1", reason="rollback")


@pytest.fixture
def ledger(stores: Stores) -> Ledger:
    return Ledger(stores.lake.objects)


def test_moves_come_back_in_order(ledger: Ledger) -> None:
    assert ledger.moves("m") == []
    for move in (FIRST, SECOND, BACK, SECOND):
        ledger.append(move)
    assert ledger.moves("m") == [FIRST, SECOND, BACK, SECOND]


def test_a_retried_move_is_written_once(ledger: Ledger) -> None:
    for move in (FIRST, FIRST, SECOND, replace(SECOND, reason="said again")):
        ledger.append(move)
    assert ledger.moves("m") == [FIRST, SECOND]


def test_aliases_do_not_hide_each_other_s_retries(ledger: Ledger) -> None:
    challenger = replace(FIRST, alias="challenger", after="3")
    for move in (FIRST, challenger, FIRST, challenger):
        ledger.append(move)
    assert ledger.moves("m") == [FIRST, challenger]


def test_models_do_not_meet(ledger: Ledger) -> None:
    ledger.append(FIRST)
    ledger.append(replace(FIRST, model="m2"))
    assert ledger.moves("m") == [FIRST]
    assert ledger.moves("m2") == [replace(FIRST, model="m2")]


def test_writers_side_by_side_lose_no_move(ledger: Ledger) -> None:
    moves = [replace(FIRST, before=str(n), after=str(n + 1)) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ledger.append, moves))
    assert sorted(ledger.moves("m"), key=lambda move: int(move.before or 0)) == moves


def test_more_than_nine_moves_stay_in_order(ledger: Ledger) -> None:
    moves = [replace(FIRST, before=str(n), after=str(n + 1)) for n in range(11)]
    for move in moves:
        ledger.append(move)
    assert ledger.moves("m") == moves


def test_a_store_that_takes_no_entry_is_an_outage(
    ledger: Ledger, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(key: str, body: bytes, etag: str | None) -> None:
        raise ConditionFailed("no")

    monkeypatch.setattr(stores.lake.objects, "put_if", refuse)
    with pytest.raises(LakeUnavailable, match="the ledger of m takes no entry: no"):
        ledger.append(FIRST)
