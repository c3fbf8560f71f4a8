"""Nights that were joined before: one record in the lake, for every machine.

The bytes of a night's file are decided by the two manifests it is made from, the spec and the code. So a night
whose manifests still have the ETags that are written here needs no byte to be read. The file is a cache, never
the truth: what is missing in it, or lost to a run that wrote at the same time, is made again.
"""

import hashlib
import json
from importlib.metadata import version
from typing import Literal

from pydantic import BaseModel, ConfigDict

from nightshift.code_digest import code_digest
from nightshift.contracts import Dataset
from nightshift.errors import UnreadableRecord
from nightshift.sources.reading import clock_of
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.cache import Blob
from nightshift.stores.records import Record

FORMAT = 1
CODE = "nightshift.modelling.labelled_night"


class CachedNight(BaseModel):
    """A night's joined file and what it was made from."""

    model_config = ConfigDict(frozen=True)

    made_from: str
    md5: str
    size: int
    rows: int
    labels_without_row: int = 0

    @property
    def blob(self) -> Blob:
        """Its content."""
        return Blob(self.md5, self.size)


class JoinCache(Record):
    """All joined nights of a model."""

    what = "a cache of joined nights"

    format: Literal[1] = 1
    nights: dict[str, CachedNight]


def digests(spec: ModelSpec, stores: Stores) -> dict[str, str]:
    """A digest of all that a night's file is made from, for each night that is validated and labelled."""
    column = spec.partition.column
    validated = stores.lake.commits(Dataset.VALIDATED, spec.name, column)
    labels = stores.lake.commits(Dataset.LABELS, spec.name, column)
    recipe = _recipe(spec)
    joinable = sorted(validated.keys() & labels.keys())
    return {night: _digest(recipe, validated[night], labels[night]) for night in joinable}


def load(spec: ModelSpec, stores: Stores) -> dict[str, CachedNight]:
    """What is known of each night; nothing when it was never written or by a version that wrote another way."""
    try:
        cache = stores.lake.objects.get_record(layout.join_cache(spec.name), JoinCache)
    except UnreadableRecord:
        return {}
    return cache.nights if cache else {}


def store(spec: ModelSpec, nights: dict[str, CachedNight], stores: Stores) -> None:
    """Add some nights to what is known."""
    known = load(spec, stores)
    cache = JoinCache(nights=known | nights)
    key = layout.join_cache(spec.name)
    stores.lake.objects.put_record(key, cache)


def _recipe(spec: ModelSpec) -> str:
    """A digest of what all nights' files are made with: columns in their order, keys, label and code."""
    columns = [(name, column.type) for name, column in spec.columns.items()]
    label = spec.label.model_dump(mode="json")
    clocks = [clock_of(spec, dataset) for dataset in (Dataset.RAW, Dataset.LABELS)]
    arrow = version("pyarrow")
    return _digest(FORMAT, columns, spec.keys, label, clocks, code_digest(CODE), arrow)


def _digest(*made_from: object) -> str:
    content = json.dumps(made_from)
    return hashlib.sha256(content.encode()).hexdigest()
