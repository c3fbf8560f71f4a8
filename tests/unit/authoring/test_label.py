"""Which value of a label means what: the usual reading, else a guess that is said."""

from typing import Any

import pytest

from nightshift.authoring.new import NewModel
from nightshift.modelling.label_types import label_type
from nightshift.settings import Settings
from nightshift.sources import labels
from nightshift.stores import Stores
from tests.frames import NIGHTS, rows
from tests.unit.authoring.conftest import Proposal


def said(made: NewModel, word: str) -> list[str]:
    """The warnings in which a word stands."""
    return [warning for warning in made.warnings if word in warning]


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("values", "positive", "negative", "guessed"),
    [
        (["0", "1", "1", "1"], "1", "0", False),
        ([-1, 1, 1, 1], "1", "-1", False),
        (["nein", "ja", "ja", "ja"], "ja", "nein", False),
        ([2.0, 1.0, 1.0, None], "2", "1", True),
        (["left", "right", "right", "right"], "left", "right", True),
        (["won", "lost", "", "?"], "lost", "won", True),
    ],
)
def test_both_values_of_a_label_are_written_down_and_a_guess_is_said(
    propose: Proposal, project: Settings, values: list[Any], positive: str, negative: str, guessed: bool, ending: str
) -> None:
    spec, made, _ = propose(rows(label=values * 100), ending)
    is_number_in_a_csv = ending == "csv" and values[0] == "0"
    if not is_number_in_a_csv:
        assert (spec.label.positive, spec.label.negative) == (positive, negative)
    assert any("which is a guess" in warning for warning in made.warnings) == guessed
    night = label_type(spec).cast(labels(spec, NIGHTS[0].isoformat(), Stores(project))["label"], "x").to_pylist()
    yes_and_no = {positive: 1.0, negative: 0.0}
    texts = [str(value).removesuffix(".0") for value in values]
    assert night == [yes_and_no.get(text) for text in texts * 10]


def test_spellings_of_one_outcome_are_said(propose: Proposal) -> None:
    spec, made, _ = propose(rows(label=["yes", "YES", "no", "1.0", "1"] * 80))
    assert spec.label.classes == ("1", "YES", "no", "yes")
    assert any("'YES', 'yes' differ only in case" in warning for warning in made.warnings)
