"""Whether the keys that a person names tell the rows of a night apart, and which of them can be learnt from."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from nightshift.authoring.facts import ColumnFacts, Counted
from nightshift.authoring.names import safe_name
from nightshift.authoring.survey import SourceSummary
from nightshift.errors import UsageError
from nightshift.validation.uniqueness import repeated_rows

MOST_DROPPED = 0.01
MOST_TRIED = 5
DENSE = 0.9
"""Of a range of whole numbers, so many have to be there: hours of which one never had a row are hours."""
TIMES_SEEN = 2
ROW_NUMBERS = {"id", "row", "rowid", "row_id", "rownum", "row_number", "index", "idx", "key", "nr", "number"}
"""Names of columns that only number rows, even if every night begins with 1 again."""


@dataclass(frozen=True)
class KeyRole:
    """Whether a column of the key is an id, and no feature; ``rule`` is what decided."""

    is_id: bool
    rule: str


def key_roles(
    keys: tuple[str, ...],
    source: SourceSummary,
    counted: Counted,
) -> dict[str, KeyRole]:
    """What each key is, by the source's names.

    An id is what each row of a night has for itself, night by night: customers, of whom tomorrow has others. What
    several rows of a night share, as airports, tells something of them; so do whole numbers without gaps that come
    back, as hours.
    """
    roles = {}
    for name in keys:
        roles[name] = _role(name, source, counted.facts[name])
    return roles


def _role(
    name: str,
    source: SourceSummary,
    facts: ColumnFacts,
) -> KeyRole:
    shared = _repeated((name,), source)
    if shared > MOST_DROPPED * source.rows:
        return KeyRole(is_id=False, rule=f"a feature, though a key: {shared:,} rows share its value with their night's")
    numbers = _whole_numbers(facts)
    if numbers is None:
        return KeyRole(is_id=True, rule="the key names the row: each row of a night has its own value")
    low, high = numbers
    dense = facts.distinct >= DENSE * (high - low + 1)
    comes_back = facts.known >= TIMES_SEEN * facts.distinct
    if dense and comes_back and safe_name(name) not in ROW_NUMBERS:
        return KeyRole(is_id=False, rule=f"a feature, though a key: the whole numbers {low} to {high} come back")
    return KeyRole(
        is_id=True,
        rule="the key names the row: each row of a night has its own value, no range of whole numbers that comes back",
    )


def _whole_numbers(facts: ColumnFacts) -> tuple[int, int] | None:
    """The smallest and the largest of whole numbers, also where they are written as text; None for anything else."""
    if pa.types.is_integer(facts.kind) and facts.low is not None:
        return int(facts.low), int(facts.high)
    texts = facts.values
    if not texts or not pa.types.is_string(facts.kind):
        return None
    if not all(text.isascii() and text.isdigit() for text in texts):
        return None
    numbers = [int(text) for text in texts]
    return min(numbers), max(numbers)


def duplicate_rows(
    keys: tuple[str, ...],
    label: str,
    source: SourceSummary,
    counted: Counted,
) -> int:
    """Rows of a key that another row of its night has. Raises ``UsageError`` where other keys are needed."""
    repeated = _repeated(keys, source)
    if not repeated:
        return 0
    better = _better_keys(keys, label, source, counted)
    if better or repeated > MOST_DROPPED * source.rows:
        fix = "name columns that tell the rows of a night apart"
        if better:
            fix = f"--keys {','.join(better)}"
        raise UsageError(
            f"--keys {','.join(keys)}: {repeated:,} of {source.rows:,} rows repeat a key of their night",
            fix=fix,
        )
    return repeated


def _repeated(keys: tuple[str, ...], source: SourceSummary) -> int:
    def read() -> Iterator[pa.RecordBatch]:
        for batch in source.batches(keys):
            places = [str(place) for place in range(batch.num_columns)]
            yield batch.rename_columns(places)

    return repeated_rows(read, source.rows)


def _better_keys(
    keys: tuple[str, ...],
    label: str,
    source: SourceSummary,
    counted: Counted,
) -> tuple[str, ...] | None:
    """The keys and one column more that tell all rows of a night apart, if there is such a column."""
    candidates = []
    for name, facts in counted.facts.items():
        never_null = facts.known == facts.rows
        is_exact = not pa.types.is_floating(facts.kind)
        if name != label and name not in keys and never_null and is_exact:
            candidates.append(name)
    candidates.sort(key=lambda name: -counted.facts[name].distinct)
    for name in candidates[:MOST_TRIED]:
        longer = (*keys, name)
        if not _repeated(longer, source):
            return longer
    return None
