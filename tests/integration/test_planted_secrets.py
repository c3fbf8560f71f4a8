"""Every secret of a stack, and one name in the data, after every error of the runbook: who reads what."""

import io
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest

from nightshift.quotes import VARIABLE
from nightshift.settings import settings
from nightshift.stack import Stack
from nightshift.stack.seaweedfs import s3_client
from nightshift.steps.load import load
from nightshift.stores import Stores
from tests.planted import NAME, PERSON, TRAINED, URL_PASSWORD, Planted, without_pages
from tests.provocations import NOT_PROVOKED, PROVOKED, rows_of_the_runbook

pytestmark = pytest.mark.stack

BEFORE_TRAINING = "a skipped `plan`, `NoChampion`"
TRAINING = "*too few rows to learn ...*, a warning of `train`"
# SECURITY.md has the same list.
QUOTING = {
    "`ExpectationsFailed` in `validate`",
    "`SchemaMismatch` in `ingest`",
    "*label.classes lacks ...*, a warning of `labels`",
}
HOLDS_ROWS = (
    "raw/", "validated/", "quarantine/", "labels/", "reports/validation/",
    "generations/raw/", "generations/validated/", "generations/quarantine/", "generations/labels/",
)  # fmt: skip
"""Where in the lake the name may stand: the rows, and what validation shows of a night to who reads the lake."""
KEY_FILES = ("keys.json", "env", "weed/", "mlflow/auth.ini")


class Outcome(NamedTuple):
    """What was heard at each row of the runbook, by default and with values not to be quoted."""

    world: Planted
    heard: dict[str, str]
    discreet: dict[str, str]
    meanwhile: str
    secrets: dict[str, str]

    def secrets_in(self, text: str) -> set[str]:
        """The names of those that a text has."""
        return {name for name, value in self.secrets.items() if value in text}


@pytest.fixture(scope="module")
def outcome(
    stack: Stack, open_stores: Callable[..., Stores], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcome]:
    root = tmp_path_factory.mktemp("planted")
    (root / "nightshift.toml").write_text("format = 1\n")
    stores = open_stores(root)
    world = Planted(stack, stores, f"planted_{stores.settings.lake[-8:]}", open_stores)
    world.write()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("project", "home", "lake", "dvc_remote"):
            patch.setenv(f"NIGHTSHIFT_{name.upper()}", str(getattr(stores.settings, name)))
        settings.cache_clear()
        heard = {}
        with world.listening() as lines:
            bring_nights(world)
        meanwhile = "\n".join(lines)
        for row in ordered():
            heard[row] = listen(world, row)
        patch.setenv(VARIABLE, "false")
        discreet = {row: listen(world, row) for row in QUOTING}
        yield Outcome(world, heard, discreet, meanwhile, secrets(world))
    settings.cache_clear()


def bring_nights(world: Planted) -> None:
    """What a training learns from; a class that nobody named is among its labels."""
    for night in TRAINED:
        world.put(night)
    world.spoilt(TRAINED[1], 3, late=NAME)
    with without_pages():
        load(world.spec, TRAINED[0], TRAINED[-2], world.stores)


def ordered() -> list[str]:
    """Each row that is provoked, those first that the others need."""
    first = [BEFORE_TRAINING, TRAINING, "rows in quarantine on the *Nightshift* page"]
    return [*first, *(row for row in PROVOKED if row not in first)]


def listen(world: Planted, row: str) -> str:
    with world.listening() as lines:
        PROVOKED[row].act(world)
    return "\n".join(lines)


def secrets(world: Planted) -> dict[str, str]:
    """What nobody may read, by its name: all keys, their ids among them, and the password of a source."""
    keys = asdict(world.stack.keys)
    for home in ("second", "third"):
        other = Stack(world.project / home, world.project)
        keys |= {f"{home} {name}": value for name, value in asdict(other.keys).items()}
    return {**keys, "a source's password": URL_PASSWORD}


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file that people or programs may read beside the files of keys."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(KEY_FILES):
            yield name, path.read_bytes().decode(errors="replace")


def opened(key: str, body: bytes) -> str:
    """The text of an object, that inside of Parquet and of archives too."""
    if key.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(body))
        return f"{table.schema} {table.schema.metadata} {table.to_pylist()}"
    if zipfile.is_zipfile(io.BytesIO(body)):
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            return "\n".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    return body.decode(errors="replace")


def bucket(world: Planted, name: str, prefix: str = "") -> dict[str, str]:
    """Every object below a prefix of a bucket, as text."""
    client = s3_client(world.stack.ports, world.stack.keys)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=name, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
    texts = {}
    for key in keys:
        with closing(client.get_object(Bucket=name, Key=key)["Body"]) as body:
            texts[key] = opened(key, body.read())
    client.close()
    return texts


def test_every_row_of_the_runbook_is_provoked_or_has_its_reason() -> None:
    assert {*PROVOKED, *NOT_PROVOKED} == set(rows_of_the_runbook())
    assert not PROVOKED.keys() & NOT_PROVOKED.keys()


@pytest.mark.parametrize("row", sorted(PROVOKED))
def test_each_provocation_is_heard(outcome: Outcome, row: str) -> None:
    assert PROVOKED[row].says in outcome.heard[row]
    assert "FAULT" not in outcome.heard[row]


def test_no_secret_is_in_an_error_or_a_log_line(outcome: Outcome) -> None:
    for row, text in {**outcome.heard, "the nights before": outcome.meanwhile}.items():
        assert not outcome.secrets_in(text), row


def test_no_secret_is_in_a_file_of_the_stack_that_holds_none(outcome: Outcome) -> None:
    world = outcome.world
    leaks = {name: outcome.secrets_in(text) for name, text in files(world.stack.home)}
    assert {name: leak for name, leak in leaks.items() if leak} == {}


def test_no_secret_is_in_what_tasks_give_on_or_in_a_store(outcome: Outcome) -> None:
    world = outcome.world
    assert not outcome.secrets_in("\n".join(world.given_on))
    prefix = world.stores.settings.lake.removeprefix("s3://lake/")
    for name, below in (("lake", prefix), ("mlflow", "")):
        for key, text in bucket(world, name, below).items():
            assert not outcome.secrets_in(text), key


def test_messages_quote_the_name_at_the_rows_that_security_md_names(outcome: Outcome, repository: Path) -> None:
    assert {row for row, text in outcome.heard.items() if PERSON in text} == QUOTING
    page = (repository / "SECURITY.md").read_text()
    named = [word for word in ("ExpectationsFailed", "SchemaMismatch", "label.classes lacks") if word in page]
    assert len(named) == len(QUOTING)


def test_no_message_has_the_name_where_values_are_not_quoted(outcome: Outcome) -> None:
    for row, text in outcome.discreet.items():
        assert PROVOKED[row].says in text
        assert PERSON not in text


def test_the_name_is_in_no_log_of_the_stack(outcome: Outcome) -> None:
    logs = dict(files(outcome.world.stack.home / "logs"))
    assert logs
    assert [name for name, text in logs.items() if PERSON in text] == []


def test_tasks_do_not_give_the_name_on(outcome: Outcome) -> None:
    assert len(outcome.world.given_on) >= 4
    assert not [text for text in outcome.world.given_on if PERSON in text]


def test_mlflow_does_not_know_the_name(outcome: Outcome) -> None:
    world = outcome.world
    assert [key for key, text in bucket(world, "mlflow").items() if PERSON in text] == []
    database = world.stack.home / "mlflow" / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        dump = "\n".join(connection.iterdump())
    assert world.name in dump
    assert PERSON not in dump
    assert not outcome.secrets_in(dump)


def test_the_lake_has_the_name_where_rows_are_and_nowhere_else(outcome: Outcome) -> None:
    world = outcome.world
    prefix = world.stores.settings.lake.removeprefix("s3://lake/")
    holding = {key.removeprefix(f"{prefix}/") for key, text in bucket(world, "lake", prefix).items() if PERSON in text}
    assert any("quarantine/" in key for key in holding)
    assert any("raw/" in key for key in holding)
    assert {key for key in holding if not key.startswith(HOLDS_ROWS)} == set()
