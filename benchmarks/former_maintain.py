"""Maintenance as it was at commit 800cd3a, request for request: what today's is measured beside.

Kept as it was but for its acts: this one only looks, at a lake with nothing to do.
"""

import datetime as dt
from collections.abc import Iterator
from itertools import groupby

from nightshift.contracts import Dataset, PartitionKey
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.garbage import named
from nightshift.stores.lake import Lake
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import ObjectInfo
from nightshift.stores.served import is_stale


def former_sweep(spec: ModelSpec, lake: Lake, cutoff: dt.datetime) -> int:
    """Look at all nights of a model; how many things there were to do."""
    to_do = 0
    columns = {spec.partition.column}
    for dataset in Dataset:
        to_do += len(list(_unpublished_files(lake, dataset, spec.name)))
        for manifest in _manifests(lake, dataset, spec.name):
            columns.add(manifest.column)
            to_do += _is_to_heal(lake, manifest)
    for dataset in Dataset:
        to_do += _orphans(lake, dataset, spec.name, columns, cutoff)
    for upload in lake.objects.incomplete_uploads(""):
        to_do += f"/{spec.name}/" in upload.key
    return to_do


def _unpublished_files(lake: Lake, dataset: Dataset, model: str) -> Iterator[str]:
    listed = list(lake.objects.keys(layout.served(dataset, model)))
    for key in filter(layout.is_parquet, listed):
        night = layout.night_in(key, dataset, model)
        if night is None or lake.manifest(night) is None:
            yield key


def _manifests(lake: Lake, dataset: Dataset, model: str) -> Iterator[Manifest]:
    for key in lake.objects.keys(layout.manifests(dataset, model)):
        night = layout.night_in(key, dataset, model)
        manifest = lake.manifest(night) if night else None
        if manifest:
            yield manifest


def _is_to_heal(lake: Lake, manifest: Manifest) -> bool:
    is_whole = True
    for file in manifest.files:
        if lake.objects.head(file.key) is None:
            is_whole = False
    return not is_whole or is_stale(lake, manifest)


def _orphans(lake: Lake, dataset: Dataset, model: str, columns: set[str], cutoff: dt.datetime) -> int:
    orphans = 0
    listed = lake.objects.listing(layout.generations(dataset, model))
    for partition, of_night in groupby(listed, key=lambda file: layout.generation_of(file.key)[-1]):
        addresses = [layout.address(dataset, model, column, partition) for column in columns]
        keys = [key for key in addresses if key]
        orphans += _orphans_of_night(lake, keys, list(of_night), cutoff)
    return orphans


def _orphans_of_night(lake: Lake, keys: list[PartitionKey], files: list[ObjectInfo], cutoff: dt.datetime) -> int:
    used: set[str] = set()
    settled = True
    for manifest in map(lake.manifest, keys):
        if manifest:
            used.update(map(layout.stem, named(manifest)))
            head = lake.objects.head(layout.manifest(manifest.key))
            settled = settled and head is not None and head.modified <= cutoff
    return sum(layout.stem(file.key) not in used for file in files)
