"""Names that are ours are those of the tables that are written."""

from nightshift.scoring.engine import schema
from nightshift.spec import ModelSpec
from nightshift.spec.reserved import MONITORED, RESERVED
from nightshift.steps._night_files import SCHEMA
from nightshift.validation import quarantine


def test_the_names_are_those_of_the_tables(spec: ModelSpec) -> None:
    assert list(MONITORED) == SCHEMA.names
    of_data = {*spec.keys, *spec.scores, spec.predict.prediction}
    added = [name for name in schema(spec).names if name not in of_data]
    assert [*added, quarantine.REASONS, quarantine.OFFENDING] == RESERVED
