"""Nights that were joined before: ``snapshots/<model>/nights.json`` in the lake, for every machine.

The bytes of a night's file are decided by the two manifests it is made from, the spec and the code. So a night
whose manifests still have the ETags that are written here needs no byte to be read. The file is a memory, never
the truth: what is missing in it, or lost to a run that wrote at the same time, is made again.
"""

import hashlib
import json
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from nightshift.contracts import Dataset
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.cache import Blob

FORMAT = 1
CODE = ("steps/snapshot.py", "stores/parquet.py")


class CachedNight(BaseModel):
    """A night's joined file and what it was made from."""

    model_config = ConfigDict(frozen=True)

    made_from: str
    md5: str
    size: int
    rows: int

    @property
    def blob(self) -> Blob:
        """Its content."""
        return Blob(self.md5, self.size)


NIGHTS = TypeAdapter(dict[str, CachedNight])


def sources(spec: ModelSpec, stores: Stores) -> dict[str, str]:
    """A digest of all that a night's file is made from, for each night that is validated and labelled."""
    column = spec.partition.column
    validated, labels = (
        stores.lake.commits(dataset, spec.name, column) for dataset in (Dataset.VALIDATED, Dataset.LABELS)
    )
    recipe = _recipe(spec)
    return {
        night: _digest(recipe, validated[night], labels[night]) for night in sorted(validated.keys() & labels.keys())
    }


def recall(spec: ModelSpec, stores: Stores) -> dict[str, CachedNight]:
    """What is remembered of each night; nothing when it was never written or by a version that wrote another way."""
    found = stores.lake.objects.get(_key(spec))
    try:
        return NIGHTS.validate_json(found[0]) if found else {}
    except ValidationError:
        return {}


def remember(spec: ModelSpec, nights: dict[str, CachedNight], stores: Stores) -> None:
    """Add some nights to what is remembered."""
    everything = recall(spec, stores) | nights
    stores.lake.objects.put(_key(spec), NIGHTS.dump_json(everything), "application/json")


def _key(spec: ModelSpec) -> str:
    return layout.join_cache(spec.name)


def _recipe(spec: ModelSpec) -> str:
    columns = {name: column.type for name, column in spec.columns.items()}
    return _digest(FORMAT, list(columns.items()), spec.keys, spec.label.model_dump(mode="json"), _code())


def _digest(*made_from: object) -> str:
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()


@cache
def _code() -> str:
    found = hashlib.sha256(f"pyarrow=={version('pyarrow')}".encode())
    for name in CODE:
        found.update((Path(__file__).parents[1] / name).read_bytes())
    return found.hexdigest()
