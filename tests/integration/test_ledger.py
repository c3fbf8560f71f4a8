"""The ledger on a real S3: one chain, whoever writes beside, and three requests however long it is."""

import hashlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import SecretStr

from nightshift.errors import LakeUnavailable, UnreadableRecord, UnsealedRecord, UsageError
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasHead, AliasMove, LastMove
from nightshift.stores.ledger import Ledger, LedgerEntry
from nightshift.stores.objects import ConditionFailed

pytestmark = pytest.mark.stack

Moves = Ledger[AliasMove, AliasHead]
HEAD = layout.ledger_head(layout.ledger("m"))


def move(before: str | None, after: str, alias: str = "champion", **origin: str) -> AliasMove:
    return AliasMove(model="m", alias=alias, before=before, after=after, reason="a test", origin=origin)


FIRST, SECOND, BACK = move(None, "1"), move("1", "2"), move("2", "1")


def key(number: int) -> str:
    return layout.ledger_entry(layout.ledger("m"), number)


@pytest.fixture
def ledger(stores: Stores) -> Moves:
    return stores.aliases.ledger("m")


@pytest.fixture
def objects(stores: Stores) -> Any:
    return stores.lake.objects


@contextmanager
def counted(stores: Stores) -> Iterator[list[str]]:
    """What is asked of S3 meanwhile."""
    asked: list[str] = []

    def note(model: Any, **_: Any) -> None:
        asked.append(model.name)

    events = stores.lake.objects._client.meta.events
    events.register("before-call.s3", note)
    try:
        yield asked
    finally:
        events.unregister("before-call.s3", note)


def append(ledger: Moves, *moves: AliasMove) -> None:
    for one in moves:
        assert ledger.append(ledger.head(), one)


def put_entries(objects: Any, count: int) -> None:
    """A long log, as its writers would have left it but for the head; format 1 is quick to write."""

    def put(number: int) -> None:
        body = move(str(number - 1) if number > 1 else None, str(number)).model_dump_json().encode()
        objects.put(key(number), body)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(put, range(1, count + 1)))


def forge(objects: Any, number: int, record: AliasMove, **says: Any) -> None:
    """An entry by somebody who may write to the lake, and has no key; all but its seal is right."""
    content = json.loads(record.model_dump_json())
    entry = LedgerEntry.model_validate({"number": number, "token": "x", "record": content, **says})
    objects.put_record(key(number), entry)


def test_entries_come_back_in_order(ledger: Moves) -> None:
    assert ledger.entries() == []
    assert ledger.head() == AliasHead()
    append(ledger, FIRST, SECOND, BACK, SECOND)
    assert ledger.entries() == [FIRST, SECOND, BACK, SECOND]
    assert ledger.entry(3) == BACK


def test_an_entry_names_the_digest_of_the_one_before(ledger: Moves, objects: Any) -> None:
    append(ledger, FIRST, SECOND)
    first, _ = objects.get(key(1))
    second = json.loads(objects.get(key(2))[0])
    assert second["previous"] == hashlib.sha256(first).hexdigest()
    assert (second["format"], second["number"], second["record"]["after"]) == (3, 2, "2")


def test_what_is_repeated_is_recorded_again(ledger: Moves) -> None:
    append(ledger, FIRST, FIRST)
    assert ledger.entries() == [FIRST, FIRST]


def test_a_move_decided_on_an_older_head_is_refused(ledger: Moves) -> None:
    append(ledger, FIRST)
    head = ledger.head()
    assert ledger.append(head, SECOND)
    assert not ledger.append(head, SECOND)
    assert ledger.entries() == [FIRST, SECOND]


def test_models_do_not_meet(ledger: Moves, stores: Stores) -> None:
    append(ledger, FIRST)
    append(stores.aliases.ledger("m2"), FIRST, SECOND)
    assert ledger.entries() == [FIRST]


def test_a_longer_name_and_a_log_below_are_other_logs(ledger: Moves, stores: Stores, objects: Any) -> None:
    append(stores.aliases.ledger("m_"), FIRST)
    objects.put(layout.ledger_entry(layout.retrains("m"), 1), b"{}")
    assert ledger.head().number == 0


def test_writers_side_by_side_lose_nothing_and_follow_one_another(ledger: Moves, stores: Stores) -> None:
    def take_over(version: str) -> None:
        mine = Stores(stores.settings).aliases.ledger("m")
        for head in mine.attempts():
            if mine.append(head, move(head.version("champion"), version)):
                return

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take_over, "12345678"))
    moves = ledger.entries()
    assert sorted(one.after for one in moves) == list("12345678")
    assert [one.before for one in moves] == [None, *(one.after for one in moves[:-1])]


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_no_second_entry(
    ledger: Moves, objects: Any, monkeypatch: pytest.MonkeyPatch, arrived: bool
) -> None:
    append(ledger, FIRST)
    put_if, lost = objects.put_if, []

    def lose(at: str, body: bytes, etag: str | None) -> None:
        if at == key(2) and not lost:
            lost.append(at)
            if arrived:
                put_if(at, body, etag)
            raise ConditionFailed("timed out")
        put_if(at, body, etag)

    monkeypatch.setattr(objects, "put_if", lose)
    append(ledger, SECOND)
    assert ledger.entries() == [FIRST, SECOND]


def test_the_same_move_by_another_is_not_ours(ledger: Moves, stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a token tells them apart: two command lines may say the same, and each is to know whether it moved."""
    head, objects = ledger.head(), stores.lake.objects
    other = Stores(stores.settings).aliases.ledger("m")
    put_if = objects.put_if

    def late(at: str, body: bytes, etag: str | None) -> None:
        if at == key(1):
            other.append(head, FIRST)
        put_if(at, body, etag)

    monkeypatch.setattr(objects, "put_if", late)
    assert not ledger.append(head, FIRST)


def test_a_store_that_takes_no_entry_is_an_outage(ledger: Moves, objects: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, etag: str | None) -> None:
        raise ConditionFailed("no")

    monkeypatch.setattr(objects, "put_if", refuse)
    with pytest.raises(LakeUnavailable, match="ledger/m/ takes no entry: no"):
        ledger.append(ledger.head(), FIRST)


def test_somebody_who_is_always_second_gives_up(ledger: Moves) -> None:
    with pytest.raises(LakeUnavailable, match="others were first 20 times"):
        list(ledger.attempts())


def test_three_requests_at_300_moves(ledger: Moves, stores: Stores, objects: Any) -> None:
    put_entries(objects, 300)
    assert ledger.vouch()
    assert ledger.head().version("champion") == "300"
    for number in range(300, 304):
        with counted(stores) as asked:
            assert ledger.head().version("champion") == str(number)
        assert len(asked) <= 3, asked
        append(ledger, move(str(number), str(number + 1)))
    assert ledger.head().took_over_from["300"] == "299"


def test_three_requests_when_a_writer_died_before_it_refreshed_the_head(
    ledger: Moves, stores: Stores, objects: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(ledger, FIRST)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "_refresh", lambda _: None)
        append(ledger, SECOND)
    with counted(stores) as asked:
        assert ledger.head().number == 2
    assert len(asked) == 3, asked


def deleted(body: bytes) -> bytes | None:
    return None


def other_digest(body: bytes) -> bytes | None:
    return body.replace(json.loads(body)["digest"].encode(), b"0" * 64)


SPOILT: dict[str, Callable[[bytes], bytes | None]] = {
    "deleted": deleted,
    "empty": lambda body: b"",
    "cut": lambda body: body[: len(body) // 2],
    "no object": lambda body: b"[]",
    "a bit flipped": lambda body: body.replace(b'"version": "3"', b'"version": "2"'),
    "ahead": lambda body: body.replace(b'"number": 3', b'"number": 9'),
    "another digest": other_digest,
    "of a later format": lambda body: body.replace(b'"format": 2', b'"format": 3'),
    "of a former format": lambda body: body.replace(b'"format": 2', b'"format": 1'),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_head_costs_time_and_no_truth(ledger: Moves, stores: Stores, objects: Any, how: str) -> None:
    append(ledger, FIRST, SECOND, move("2", "3"))
    right = ledger.head()
    body, _ = objects.get(HEAD)
    spoilt = SPOILT[how](body)
    assert spoilt != body
    if spoilt is None:
        objects.delete(HEAD)
    else:
        objects.put(HEAD, spoilt)
    assert ledger.head() == right
    with counted(stores) as asked:
        assert ledger.head() == right
    assert len(asked) <= 3, asked
    append(ledger, move("3", "4"))
    assert ledger.head().version("champion") == "4"


def test_a_head_of_another_log_is_not_believed(ledger: Moves, stores: Stores, objects: Any) -> None:
    append(ledger, FIRST)
    append(stores.aliases.ledger("m2"), FIRST, SECOND, move("2", "3"))
    body, _ = objects.get(layout.ledger_head(layout.ledger("m2")))
    objects.put(HEAD, body)
    assert ledger.head().version("champion") == "1"


def test_a_stale_head_is_gone_on_from_and_refreshed(ledger: Moves, stores: Stores, objects: Any) -> None:
    append(ledger, FIRST)
    stale, _ = objects.get(HEAD)
    append(ledger, SECOND, BACK, SECOND)
    objects.put(HEAD, stale)
    assert (ledger.head().number, ledger.head().version("champion")) == (4, "2")
    with counted(stores) as asked:
        ledger.head()
    assert len(asked) == 2, asked


def test_a_head_beyond_the_entries_is_dropped(ledger: Moves, objects: Any) -> None:
    """A bucket that was brought back from a backup, without its last entries."""
    append(ledger, FIRST, SECOND, BACK)
    objects.delete(key(3))
    assert ledger.head().version("champion") == "2"
    append(ledger, move("2", "5"))
    assert ledger.entries() == [FIRST, SECOND, move("2", "5")]
    assert ledger.head().version("champion") == "5"


def test_a_late_writer_does_not_set_the_head_back(
    ledger: Moves, stores: Stores, objects: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(ledger, FIRST)
    head = ledger.head()
    mine = Stores(stores.settings)
    put_if = mine.lake.objects.put_if

    def paused(at: str, body: bytes, etag: str | None) -> None:
        if at == HEAD:
            append(ledger, BACK, SECOND, BACK)
        put_if(at, body, etag)

    monkeypatch.setattr(mine.lake.objects, "put_if", paused)
    assert mine.aliases.ledger("m").append(head, SECOND)
    with counted(stores) as asked:
        assert ledger.head().number == 5
    assert len(asked) <= 3, asked


@pytest.mark.parametrize("without_format", [True, False])
def test_entries_of_former_versions_are_read_and_gone_on_with(
    ledger: Moves, objects: Any, without_format: bool
) -> None:
    for number, one in enumerate((FIRST, SECOND, BACK, move(None, "3", "challenger")), start=1):
        content = json.loads(one.model_dump_json())
        if without_format:
            del content["format"]
        objects.put(key(number), json.dumps(content).encode())
    for read in (ledger.head, ledger.entries, lambda: ledger.entry(4)):
        with pytest.raises(UnsealedRecord, match=r"ledger/m/000004\.json is not sealed") as error:
            read()
        assert "nightshift seal m" in str(error.value.fix)
    assert ledger.vouch()
    head = ledger.head()
    assert (head.number, head.version("champion"), head.version("challenger")) == (5, "1", "3")
    assert head.last["champion"].number == 3
    assert ledger.entry(2) == SECOND
    assert head.took_over_from == {"1": None, "2": "1"}
    append(ledger, move("1", "3"))
    assert ledger.entries()[2:] == [BACK, move(None, "3", "challenger"), move("1", "3")]


def test_an_entry_that_was_changed_is_named(ledger: Moves, objects: Any) -> None:
    append(ledger, FIRST, SECOND, BACK)
    entry = objects.get_record(key(2), LedgerEntry)
    objects.put_record(key(2), entry.model_copy(update={"record": {**entry.record, "after": "7"}}))
    with pytest.raises(UnreadableRecord, match=r"ledger/m/000003\.json does not follow entry 2 as it is") as error:
        ledger.entries()
    assert "backup" in str(error.value.fix)
    assert ledger.head().version("champion") == "1"


@pytest.mark.parametrize("body", [b"", b"{", b'{"format": 2, "number": 2}', b'{"format": 9}'])
def test_an_entry_that_cannot_be_read_is_one_clear_error(ledger: Moves, objects: Any, body: bytes) -> None:
    append(ledger, FIRST, SECOND)
    objects.put(key(2), body)
    with pytest.raises(UnreadableRecord, match=r"ledger/m/000002\.json is not an entry of a ledger"):
        ledger.entries()


@pytest.mark.parametrize("ours", [True, False])
def test_a_bit_that_flips_on_the_way_is_no_damage(
    ledger: Moves, objects: Any, monkeypatch: pytest.MonkeyPatch, ours: bool
) -> None:
    """Neither of an entry that is read, nor of one's own that is read back after a lost answer."""
    append(ledger, FIRST)
    get, put_if = objects.get, objects.put_if
    flipped = []

    def flip(at: str, *most: int) -> Any:
        stored = get(at, *most)
        if stored and at == key(2) and len(flipped) < 2:
            flipped.append(at)
            body, etag = stored
            return bytes([body[0] ^ 1]) + body[1:], etag
        return stored

    def lose(at: str, body: bytes, etag: str | None) -> None:
        put_if(at, body, etag)
        if at == key(2):
            raise ConditionFailed("timed out")

    head = ledger.head()
    with monkeypatch.context() as patch:
        patch.setattr(objects, "put_if", lose if ours else put_if)
        if ours:
            patch.setattr(objects, "get", flip)
        assert ledger.append(head, SECOND)
    monkeypatch.setattr(objects, "get", flip)
    objects.delete(HEAD)
    assert ledger.entries() == [FIRST, SECOND]
    assert len(flipped) == 2


def test_an_entry_that_is_gone_is_named(ledger: Moves, objects: Any) -> None:
    append(ledger, FIRST, SECOND, BACK)
    objects.delete(key(2))
    objects.delete(HEAD)
    for read in (ledger.entries, ledger.head, lambda: ledger.entry(2)):
        with pytest.raises(UnreadableRecord, match=r"ledger/m/000002\.json is not there"):
            read()


def says_right(ledger: Moves) -> dict[str, Any]:
    """What an entry after the last one would say of the log."""
    head = ledger.head()
    return {"previous": head.digest, "history": head.history}


@pytest.mark.parametrize("format_", [1, 2, 3])
def test_an_entry_by_somebody_without_the_key_is_one_clear_error(ledger: Moves, objects: Any, format_: int) -> None:
    append(ledger, FIRST, SECOND)
    foreign = move("2", "9")
    if format_ == 1:
        objects.put(key(3), foreign.model_dump_json().encode())
    else:
        forge(objects, 3, foreign, format=format_, **says_right(ledger))
    for read in (ledger.head, ledger.entries, ledger.vouch):
        with pytest.raises(
            UnsealedRecord, match=r"ledger/m/000003\.json is not sealed by a key of NIGHTSHIFT_SEAL_KEY"
        ):
            read()
    objects.delete(key(3))
    assert ledger.head().version("champion") == "2"


def test_a_sealed_entry_that_is_copied_elsewhere_is_refused(ledger: Moves, stores: Stores, objects: Any) -> None:
    other = stores.aliases.ledger("m2")
    append(other, FIRST, SECOND, move("2", "9"))
    append(ledger, FIRST, SECOND)
    body, _ = objects.get(layout.ledger_entry(layout.ledger("m2"), 3))
    objects.put(key(3), body)
    with pytest.raises(UnreadableRecord, match=r"ledger/m/000003\.json"):
        ledger.head()
    # Its own earlier one under the next number.
    body, _ = objects.get(key(1))
    objects.put(key(3), body.replace(b'"number": 1', b'"number": 3'))
    with pytest.raises(UnreadableRecord, match=r"ledger/m/000003\.json"):
        ledger.head()


def test_a_forged_head_decides_nothing(ledger: Moves, objects: Any) -> None:
    append(ledger, FIRST, SECOND)
    right = ledger.head()
    wrong = right.model_copy(update={"last": {"champion": LastMove(number=2, version="9")}})
    objects.put_record(HEAD, wrong)
    assert ledger.head() == right


def test_a_log_before_the_seals_that_was_changed_after_somebody_vouched_for_it_is_refused(
    ledger: Moves, objects: Any
) -> None:
    """Entries of the first format name nothing before them; the seal behind them does."""
    put_entries(objects, 3)
    assert ledger.vouch()
    assert not ledger.vouch()
    objects.put(key(2), move("1", "9").model_dump_json().encode())
    objects.delete(HEAD)
    with pytest.raises(UnreadableRecord, match="does not follow"):
        ledger.head()


def test_keys_are_changed_without_losing_a_move(ledger: Moves, stores: Stores) -> None:
    append(ledger, FIRST, SECOND)
    old = stores.settings.seal_key
    assert old
    old_key, new_key = old.get_secret_value(), "n" * 64

    def with_keys(*keys: str) -> Moves:
        changed = stores.settings.model_copy(update={"seal_key": SecretStr(",".join(keys))})
        return Stores(changed).aliases.ledger("m")

    with pytest.raises(UnsealedRecord):
        with_keys(new_key).head()
    both = with_keys(new_key, old_key)
    assert both.head().version("champion") == "2"
    assert both.to_vouch_for()
    assert both.vouch()
    assert with_keys(new_key).head().version("champion") == "2"
    assert with_keys(new_key).entries() == [FIRST, SECOND]
    append(with_keys(new_key), move("2", "3"))
    with pytest.raises(UnsealedRecord):
        ledger.entries()


def test_without_a_key_nobody_says_who_is_champion(stores: Stores) -> None:
    alone = Stores(stores.settings.model_copy(update={"seal_key": None}))
    with pytest.raises(UsageError, match="NIGHTSHIFT_SEAL_KEY is not set") as error:
        alone.aliases.ledger("m").head()
    assert "secrets.token_hex(32)" in str(error.value.fix)
