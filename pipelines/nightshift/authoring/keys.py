"""Whether the keys that a person names tell the rows of a night apart, and which column more would."""

from collections.abc import Iterator

import pyarrow as pa

from nightshift.authoring.facts import Counted
from nightshift.authoring.survey import SourceSummary
from nightshift.errors import UsageError
from nightshift.validation.uniqueness import repeated_rows

MOST_DROPPED = 0.01
MOST_TRIED = 5


def duplicate_rows(keys: tuple[str, ...], label: str, source: SourceSummary, counted: Counted) -> int:
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
