"""A night says how it was read; what changes which rows are of it, or their values, is another reading."""

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.contracts import Dataset
from nightshift.sources.reading import CLOCK, ROWS, SOURCE, is_of_clock, is_read_as, reading_of
from nightshift.spec import ModelSpec

Change = Callable[..., ModelSpec]
FILES = {"files": "in/*.parquet"}


@pytest.fixture
def of_files(spec: ModelSpec) -> ModelSpec:
    return ModelSpec.model_validate({**spec.model_dump(mode="json"), "source": FILES})


@pytest.mark.parametrize(
    ("changes", "another"),
    [
        ({"partition": {"timezone": "America/New_York"}}, {CLOCK, ROWS}),
        ({"source": {"night": "arrival"}}, {CLOCK, ROWS}),
        ({"source": {"column": "sent"}}, {CLOCK, ROWS}),
        ({"source": {"files": "in/*.csv"}}, {ROWS}),
        ({"columns": {"items": {"source": "Items"}}}, {ROWS}),
        ({"training": {"seed": 8}, "partition": {"schedule": "0 3 * * *"}}, set()),
    ],
)
def test_what_makes_another_reading(of_files: ModelSpec, change: Change, changes: dict[str, Any], another: set[str]):
    before = reading_of(of_files, Dataset.RAW)
    after = reading_of(change(of_files, **changes), Dataset.RAW)
    assert {part for part in (CLOCK, ROWS) if before[part] != after[part]} == another


def test_labels_of_their_own_have_a_reading_of_their_own(of_files: ModelSpec, change: Change) -> None:
    own = change(of_files, label={"source": {"files": "outcomes/*.parquet", "night": "arrival"}})
    assert reading_of(own, Dataset.RAW) == reading_of(of_files, Dataset.RAW)
    assert reading_of(own, Dataset.LABELS)[CLOCK] != reading_of(of_files, Dataset.LABELS)[CLOCK]
    assert own.label_source.files == "outcomes/*.parquet"


def test_a_night_that_does_not_say_how_it_was_read_counts_as_unchanged(of_files: ModelSpec) -> None:
    reading = reading_of(of_files, Dataset.RAW)
    assert is_read_as({}, reading)
    assert is_of_clock(of_files, Dataset.RAW, {"commit": "abc"})
    assert not is_read_as({SOURCE: {CLOCK: reading[CLOCK], ROWS: "another"}}, reading)
    assert is_of_clock(of_files, Dataset.RAW, {SOURCE: {CLOCK: reading[CLOCK], ROWS: "another"}})


def test_a_key_that_says_what_was_so_before_makes_no_other_reading(of_files: ModelSpec, change: Change) -> None:
    csv = {"separator": ",", "encoding": "utf-8"}
    assert of_files.source.model_dump(mode="json")["csv"] == csv
    said = change(of_files, source={"csv": {**csv, "decimal": "."}})
    assert reading_of(said, Dataset.RAW) == reading_of(of_files, Dataset.RAW)
    commas = change(of_files, source={"csv": {**csv, "decimal": ","}})
    assert reading_of(commas, Dataset.RAW)[ROWS] != reading_of(of_files, Dataset.RAW)[ROWS]
