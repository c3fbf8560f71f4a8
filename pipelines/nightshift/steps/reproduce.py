"""Train a version again, from its snapshot and as it was trained, and compare the exact export byte for byte.

Nothing is written: neither to the lake nor to the registry, which is not even asked.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from nightshift.contracts import SnapshotRef
from nightshift.errors import ModelError, NotReproduced
from nightshift.extras import require
from nightshift.optimization.export import to_onnx
from nightshift.progress import OnProgress, unheard
from nightshift.releases.searched import search_of, sentence
from nightshift.spec import ModelSpec
from nightshift.spec.search import with_recipe
from nightshift.steps._replay import describe
from nightshift.steps.train import read_window
from nightshift.stores import Stores, replays
from nightshift.stores.replays import Replay
from nightshift.stores.searches import SearchRecord
from nightshift.stores.versions import VersionRecord
from nightshift.training.recipe import fit

STAGES = 3
MODEL_YAML = "model_yaml"


@dataclass(frozen=True)
class Reproduced:
    """A version that was trained again to the same bytes.

    ``differs`` is what is not as it was and made no difference, by its name. ``searched`` says how a search chose the
    recipe, if one did; it is not searched again.
    """

    model: str
    version: str
    exact_sha256: str
    snapshot_md5: str
    differs: dict[str, str]
    searched: str = ""


def reproduce(spec: ModelSpec, version: str, stores: Stores, progress: OnProgress = unheard) -> Reproduced:
    """Fit the version's recipe to its snapshot anew. Of the spec the name is used: what is replayed is what was sealed.

    Raises ``NotReproduced``, with what differs, when the exact export has other bytes than were recorded;
    ``ModelError`` for a version that does not say how it was trained, ``MissingPartition`` when its snapshot is gone.
    """
    require("train", f"reproducing {spec.name}")
    record = _record(spec, version, stores)
    replay = replays.read(spec.name, record.replay_sha256, stores)
    searched = search_of(record, stores)
    as_now = describe(_with_its_recipe(spec, searched), stores)
    differs = differences(replay, as_now)
    as_trained = _spec(replay, version)
    sha256 = _trained_again(as_trained, record, stores, progress)
    if sha256 != record.exact_sha256:
        raise _not_reproduced(record, sha256, differs)
    return Reproduced(
        model=spec.name,
        version=version,
        exact_sha256=sha256,
        snapshot_md5=record.snapshot_md5,
        differs=differs,
        searched=sentence(searched) if searched else "",
    )


def _with_its_recipe(spec: ModelSpec, searched: SearchRecord | None) -> ModelSpec:
    """The spec of now with what the search chose then: model.yaml never said it."""
    if searched is None:
        return spec
    return with_recipe(spec, searched.trainer, searched.parameters)


def _trained_again(spec: ModelSpec, record: VersionRecord, stores: Stores, progress: OnProgress) -> str:
    """The digest of the exact export."""
    progress("restoring the snapshot", 0, STAGES)
    snapshot = _snapshot(record)
    learnt, rows, _ = read_window(spec, snapshot, stores)
    progress("fitting", 1, STAGES)
    pipeline = fit(learnt, rows.labelled)
    progress("exporting", 2, STAGES)
    body = to_onnx(learnt, pipeline)
    progress("compared", STAGES, STAGES)
    return hashlib.sha256(body).hexdigest()


def _record(spec: ModelSpec, version: str, stores: Stores) -> VersionRecord:
    record = stores.versions.record(spec.name, version)
    if record is None:
        raise ModelError(
            f"{spec.name} version {version} has no sealed record: no gate has judged it",
            fix=f"name one that a gate has judged: nightshift reproduce {spec.name} VERSION",
        )
    if not (record.replay_sha256 and record.exact_sha256):
        raise ModelError(
            f"{spec.name} version {version} does not say how it was trained: it is of an earlier version of Nightshift",
            fix=f"versions from now on do: nightshift train {spec.name} NIGHT",
        )
    return record


def _spec(replay: Replay, version: str) -> ModelSpec:
    """The spec as it was. Raises ``ModelError`` for one that this version of Nightshift does not read."""
    try:
        return ModelSpec.model_validate(replay.spec)
    except ValidationError as error:
        first, *_ = error.errors()
        key = ".".join(map(str, first["loc"]))
        raise ModelError(
            f"{replay.model} version {version} was trained by a spec with {key}: {first['msg']}",
            fix=f"reproduce it with the code of its training, commit {replay.commit}",
        ) from error


def _snapshot(record: VersionRecord) -> SnapshotRef:
    """As much of it as a training reads."""
    return SnapshotRef(
        model=record.model,
        md5=record.snapshot_md5,
        as_of=record.trained_through,
        first_night="",
        last_night=record.trained_through,
        nights=0,
        rows=0,
        missing=[],
    )


def differences(then: Replay, now: Replay) -> dict[str, str]:
    """What is not as it was, by its name: what it is, and what it was."""
    differs = {}
    libraries = [
        f"{name} {now.libraries.get(name)}, was {then.libraries.get(name)}"
        for name in _changed(then.libraries, now.libraries)
    ]
    if libraries:
        differs["libraries"] = ", ".join(libraries)
    if then.cpu != now.cpu:
        differs["cpu"] = f"{now.cpu}, was {then.cpu}"
    if then.code != now.code:
        differs["code"] = f"commit {now.commit}, was {then.commit}"
    sections = _changed(_as_read(then.spec), _as_read(now.spec))
    if sections:
        named = ", ".join(sections)
        differs[MODEL_YAML] = f"{named}; replayed as it was"
    return differs


def _as_read(spec: dict[str, Any]) -> dict[str, Any]:
    """A kept spec with the keys that there are by now; as it is where this version of Nightshift does not read it."""
    try:
        known = ModelSpec.model_validate(spec)
    except ValidationError:
        return spec
    return known.model_dump(mode="json")


def _changed(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The names that two do not have alike."""
    names = {*then, *now}
    changed = []
    for name in sorted(names):
        before = then.get(name)
        after = now.get(name)
        if before != after:
            changed.append(name)
    return changed


def _not_reproduced(record: VersionRecord, sha256: str, differs: dict[str, str]) -> NotReproduced:
    causes = []
    for name, text in differs.items():
        # What was sealed was replayed, whatever model.yaml says by now.
        if name != MODEL_YAML:
            causes.append(f"{name}: {text}")
    known = "; ".join(causes)
    fix = "run it again, on another machine too: the same data, spec, code and libraries gave other bytes"
    if known:
        fix = "reproduce it with the libraries, the code and a CPU of the family that the message names"
    return NotReproduced(
        f"{record.model} version {record.version} is not reproduced: its exact export has sha256 {sha256}, recorded is"
        f" {record.exact_sha256}; snapshot {record.snapshot_md5} and spec are those of its training;"
        f" {known or 'nothing else that is recorded differs'}",
        fix=fix,
    )
