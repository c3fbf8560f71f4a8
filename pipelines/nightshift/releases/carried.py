"""A version that goes to another lake: what a gate said of it, and every file of it, held against the sealed record.

The record is believed by the seal of the lake that it lies in, and names each file by its digest. What arrives is put
under the same digests; the record there is written, and sealed, by the gate there.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from nightshift.contracts import Verdict
from nightshift.errors import DamagedFile, ModelError
from nightshift.releases.searched import as_searched, search_of
from nightshift.releases.spec_changes import recipe_keys
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, by_content, layout, replays, verdicts
from nightshift.stores.searches import SearchRecord
from nightshift.stores.versions import VersionRecord

CAME_FROM = "came_from"
"""What an origin calls the version, of another lake, that something was made of."""
CAME_FROM_SHA256 = "came_from_sha256"
"""And the digest of that version's record."""


@dataclass(frozen=True)
class CarriedVersion:
    """A version by its sealed record, the spec that it was trained by, its gate's verdict, and its files by key.

    ``searched`` is the search that chose its recipe, if one did.
    """

    record: VersionRecord
    spec: ModelSpec
    verdict: Verdict
    files: dict[str, bytes]
    came_from: dict[str, str]
    searched: SearchRecord | None = None


@dataclass(frozen=True)
class _Digested:
    key: str
    sha256: str


def take(spec: ModelSpec, version: str, stores: Stores) -> CarriedVersion:
    """All there is of a version that passed its gate.

    Raises ``ModelError`` for one that no gate has passed, that is withdrawn, or of which nobody kept what its gate
    said; ``UnsealedRecord``, ``UnreadableRecord``, ``MissingPartition``, ``DamagedFile``.
    """
    record = _passed(spec, version, stores)
    files = {}
    for file in _files(record):
        files[file.key] = _body(record, file, stores)
    return CarriedVersion(
        record=record,
        spec=_as_trained(record, stores),
        verdict=verdicts.read(spec.name, record.verdict_sha256, stores),
        files=files | _reference_rows(record, files, stores),
        came_from=_came_from(record, stores),
        searched=search_of(record, stores),
    )


def lineage_of(record: VersionRecord | None) -> dict[str, str]:
    """What a version's origin says of another lake, whoever writes its next record; of most nothing."""
    if record is None:
        return {}
    lineage = {}
    for name in (CAME_FROM, CAME_FROM_SHA256):
        if name in record.origin:
            lineage[name] = record.origin[name]
    return lineage


def put(carried: CarriedVersion, there: Stores) -> None:
    """Put its files into another lake, where they lie under the same digests."""
    objects = there.lake.objects
    for key, body in carried.files.items():
        objects.put(key, body)


def require_recipe(carried: CarriedVersion, spec: ModelSpec) -> None:
    """What is promoted is a recipe: the spec there has to be of the same, or its search may come to it.

    Raises ``ModelError``.
    """
    record = carried.record
    may_be = as_searched(spec, carried.searched)
    differing = recipe_keys(carried.spec, may_be)
    if differing:
        raise ModelError(
            f"{spec.name} version {record.version} is of another recipe than model.yaml there, which has another"
            f" {', '.join(differing)}",
            fix="bring model.yaml there to what the version was trained by, or train a version of that one",
        )
    rule = spec.predict.learnt_by
    if rule and (rule != record.rule or record.threshold is None):
        raise ModelError(
            f"{spec.name} version {record.version} has no threshold for predict.{rule} of model.yaml there",
            fix=f"train by that rule: nightshift train {spec.name} NIGHT",
        )


def _passed(spec: ModelSpec, version: str, stores: Stores) -> VersionRecord:
    record = stores.versions.record(spec.name, version)
    # Also for one without a record it has the words.
    stores.versions.pin_of(spec.name, version, record)
    head = stores.aliases.ledger(spec.name).head()
    if record is None or version in head.withdrawn:
        raise ModelError(
            f"{spec.name} version {version} is withdrawn, and goes nowhere",
            fix=f"nightshift ledger {spec.name} says why",
        )
    if not (record.verdict_sha256 and record.replay_sha256 and record.twin_sha256):
        raise ModelError(
            f"{spec.name} version {version} does not say all that its gate said: it is of an earlier version of"
            " Nightshift",
            fix=f"versions from now on do: nightshift train {spec.name} NIGHT",
        )
    return record


def _as_trained(record: VersionRecord, stores: Stores) -> ModelSpec:
    replay = replays.read(record.model, record.replay_sha256, stores)
    try:
        return ModelSpec.model_validate(replay.spec)
    except ValidationError as error:
        raise ModelError(
            f"{record.model} version {record.version} was trained by a model.yaml that is not read any more",
            fix=f"promote it with the code of its training, commit {replay.commit}",
        ) from error


def _files(record: VersionRecord) -> Iterator[_Digested]:
    """Those that a lake has to have for the version to score, to be watched, and to be compared with."""
    model = record.model
    graph = record.onnx_sha256
    yield _Digested(record.onnx_key, graph)
    yield _Digested(record.twin_key, record.twin_sha256)
    profile = record.profile_sha256
    yield _Digested(layout.profile(model, graph, profile), profile)
    reference = record.reference_sha256
    if reference:
        yield _Digested(layout.reference(model, graph, reference), reference)
    replay = record.replay_sha256
    yield _Digested(layout.replay(model, replay), replay)
    verdict = record.verdict_sha256
    yield _Digested(layout.verdict(model, verdict), verdict)
    search = record.search_sha256
    if search:
        yield _Digested(layout.search(model, search), search)


def _reference_rows(record: VersionRecord, files: dict[str, bytes], stores: Stores) -> dict[str, bytes]:
    """The rows that the reference names by their digest."""
    if not record.reference_sha256:
        return {}
    graph = record.onnx_sha256
    key = layout.reference(record.model, graph, record.reference_sha256)
    reference = json.loads(files[key])
    sha256 = reference["rows_sha256"]
    rows = layout.reference_rows(record.model, graph, sha256)
    body = _body(record, _Digested(rows, sha256), stores)
    return {rows: body}


def _body(record: VersionRecord, file: _Digested, stores: Stores) -> bytes:
    fix = f"train again: nightshift train {record.model} NIGHT"
    return by_content.body_of(file.key, file.sha256, stores, fix=fix, error=DamagedFile)


def _came_from(record: VersionRecord, stores: Stores) -> dict[str, str]:
    """The version for an origin, with the digest of its record."""
    place = layout.versions(record.model, record.version)
    sha256 = hashlib.sha256(record.to_json()).hexdigest()
    return {
        CAME_FROM: f"{stores.lake.objects.uri}/{place}",
        CAME_FROM_SHA256: sha256,
    }
