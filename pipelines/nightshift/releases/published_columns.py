"""Columns of what is published, as they are and as model.yaml would have them."""

from collections.abc import Mapping

from nightshift.contracts import Dataset
from nightshift.scoring.engine import schema
from nightshift.spec import ModelSpec
from nightshift.stores import Stores


def changed_columns(spec: ModelSpec, stores: Stores) -> dict[str, str]:
    """What readers of ``predictions/`` would see otherwise than in the newest night, by column."""
    column = spec.partition.column
    nights = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, column)
    for night in reversed(nights):
        key = spec.key(Dataset.PREDICTIONS, night)
        newest = stores.lake.readable(key)
        if newest:
            return _changed(newest.columns, _columns(spec))
    return {}


def _columns(spec: ModelSpec) -> dict[str, str]:
    columns = {}
    for field in schema(spec):
        columns[field.name] = str(field.type)
    return columns


def _changed(was: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    changed = {}
    for name in dict.fromkeys([*was, *now]):
        before = was.get(name)
        after = now.get(name)
        if before == after:
            continue
        if before is None:
            changed[name] = f"new: {after}"
        elif after is None:
            changed[name] = f"gone, was {before}"
        else:
            changed[name] = f"{after}, was {before}"
    return changed
