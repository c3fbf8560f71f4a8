"""A seal is of a content, of a place and of a key: another of any of them, and it is worth nothing."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr

from nightshift.errors import UsageError
from nightshift.settings import Settings, load_settings
from nightshift.stores.seals import SealedRecord, Seals

PLACE = "versions/orders/3/000001.json"
OLD, NEW = "o" * 64, "n" * 64
OTHER_PLACES = [
    "versions/orders/4/000001.json",
    "versions/orders/3/000002.json",
    "versions/others/3/000001.json",
    "ledger/orders/000001.json",
    "",
]


class Note(SealedRecord):
    what = "a note"

    format: Literal[1] = 1
    text: str
    share: float = 0.1


def settings(key: str | None) -> Settings:
    return Settings(project=Path("/p"), home=Path("/h"), seal_key=SecretStr(key) if key else None)


@pytest.fixture
def sealed() -> Note:
    return Note(text="3").under_seal(Seals((OLD,)), PLACE)


def test_a_sealed_record_is_believed_where_it_was_written_after_it_was_stored(sealed: Note) -> None:
    read = Note.from_json(sealed.to_json(), "here")
    assert read == sealed
    assert read.is_believed(Seals((OLD,)), PLACE)


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_a_copy_at_another_place_is_not(sealed: Note, place: str) -> None:
    assert not sealed.is_believed(Seals((OLD,)), place)


def test_a_change_is_not(sealed: Note) -> None:
    for change in ({"text": "4"}, {"share": 0.2}, {"seal": ""}, {"seal": "0" * 64}, {"seal": "\u0660"}):
        assert not sealed.model_copy(update=change).is_believed(Seals((OLD,)), PLACE)


def test_another_key_is_not_and_of_several_the_first_seals(sealed: Note) -> None:
    both = Seals((NEW, OLD))
    assert not sealed.is_believed(Seals((NEW,)), PLACE)
    assert sealed.is_believed(both, PLACE)
    assert not sealed.is_current(both, PLACE)
    assert sealed.under_seal(both, PLACE).is_current(Seals((NEW,)), PLACE)


def test_place_and_content_do_not_run_into_each_other() -> None:
    seals = Seals((OLD,))
    assert seals.seal("ab", b"c") != seals.seal("a", b"bc")


def test_without_a_key_it_says_how_to_make_one() -> None:
    with pytest.raises(UsageError, match="NIGHTSHIFT_SEAL_KEY is not set") as error:
        Seals.of(settings(None))
    assert "token_hex(32)" in str(error.value.fix)


@pytest.mark.parametrize("key", ["short", f"{NEW},", f"{NEW}, short"])
def test_a_key_that_can_be_guessed_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="a key of less than 32 characters") as error:
        Seals.of(settings(key))
    assert "short" not in str(error.value)


def test_the_environment_says_the_keys(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_PROJECT", str(project))
    monkeypatch.setenv("NIGHTSHIFT_SEAL_KEY", f"{NEW}, {OLD}")
    loaded = load_settings()
    assert NEW not in repr(loaded)
    assert Seals.of(loaded).is_believed("a", b"b", Seals((OLD,)).seal("a", b"b"))
