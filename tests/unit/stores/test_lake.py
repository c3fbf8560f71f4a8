"""What is said of a night that is not there."""

import pytest
from typer.testing import CliRunner

from nightshift.cli.main import app
from nightshift.contracts import Dataset, PartitionKey
from nightshift.stores.lake import how_to_make

MADE_BY = {
    Dataset.RAW: "nightshift ingest m 2024-01-01",
    Dataset.LABELS: "nightshift load m 2024-01-01 2024-01-01",
    Dataset.VALIDATED: "nightshift validate m 2024-01-01",
    Dataset.QUARANTINE: "nightshift validate m 2024-01-01",
    Dataset.PREDICTIONS: "nightshift predict m 2024-01-01",
    Dataset.MONITORING: "nightshift monitor m 2024-01-01",
    Dataset.SHADOW: "nightshift shadow m 2024-01-01",
}


@pytest.mark.parametrize("dataset", Dataset)
def test_the_advice_names_the_verb_that_makes_this_very_night(dataset: Dataset) -> None:
    """`nightshift ingest m 2024-01-01` was advised for labels: it brings those of an earlier night."""
    assert how_to_make(PartitionKey(dataset, "m", "day", "2024-01-01")) == MADE_BY[dataset]


@pytest.mark.parametrize("dataset", Dataset)
def test_the_advised_verb_takes_what_it_is_given(dataset: Dataset) -> None:
    _, verb, *arguments = how_to_make(PartitionKey(dataset, "m", "day", "2024-01-01")).split()
    shown = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    # Without a night this one tells who stands there.
    optional = 1 if verb == "shadow" else 0
    assert shown.output.count("[required]") == len(arguments) - optional
