"""Nights that maintenance saw right: a record for each dataset in the lake.

A night whose manifests, plain files and generations are the very objects that were seen costs no request. The record
is a cache, never the truth: what is missing in it, wrong, or lost to a run that wrote at the same time, is looked at
again.
"""

from typing import Literal

from nightshift.errors import UnreadableRecord
from nightshift.stores.objects import Objects
from nightshift.stores.records import Record


class RightNights(Record):
    """The nights of a dataset with nothing to do, each with the digest of what was listed of it."""

    what = "a cache of maintained nights"

    format: Literal[1] = 1
    nights: dict[str, str]


def load(objects: Objects, key: str) -> dict[str, str]:
    """What is known; nothing when it was never written, is damaged, or of another version."""
    try:
        cache = objects.get_record(key, RightNights)
    except UnreadableRecord:
        return {}
    return cache.nights if cache else {}


def store(objects: Objects, key: str, nights: dict[str, str]) -> None:
    """Know these nights and no others."""
    cache = RightNights(nights=nights)
    objects.put_record(key, cache)
