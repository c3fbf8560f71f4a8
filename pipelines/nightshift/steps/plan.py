"""Decide a night's scoring before any of it happens: which model, which input, which shards."""

import logging
from collections.abc import Iterator
from contextlib import suppress

from nightshift.contracts import CanaryPin, Dataset, Pin, Plan, Shard
from nightshift.errors import (
    DamagedFile,
    FromTheFuture,
    MissingPartition,
    ModelError,
    NoChampion,
    UnreadableRecord,
)
from nightshift.spec import ModelSpec
from nightshift.steps._floors import require_floors
from nightshift.stores import Stores
from nightshift.stores.aliases import NightChampion
from nightshift.stores.canaries import StandingCanary
from nightshift.stores.commit import GenerationDraft
from nightshift.stores.manifest import CHAMPION_MOVE, DataFile, Manifest, sequences
from nightshift.stores.registry import CHAMPION
from nightshift.stores.shadows import StandingShadow

log = logging.getLogger("nightshift")


def plan(spec: ModelSpec, partition: str, stores: Stores, *, allow_future_model: bool = False) -> Plan:
    """Take the base, pin who should have been champion on that night, list the input once, cut it into shards.

    Who stands as a canary on that night is pinned by the same reading of the ledger. One that may not score any more
    scores nothing, and does not keep the night from being scored.
    With ``allow_future_model`` also a version that was trained on the night. Raises ``UsageError``,
    ``MissingPartition``, ``NoChampion`` before there was one, ``ModelError`` where none is left, for a version
    that did not pass its gate, or that has no threshold for the rule of ``predict``, ``FromTheFuture`` for a night
    that the version was trained on.
    """
    predictions = spec.key(Dataset.PREDICTIONS, partition)
    spec.require_night(partition)
    draft = stores.lake.begin(predictions)
    validated = stores.lake.require(spec.key(Dataset.VALIDATED, partition))
    published = stores.lake.manifest(predictions)
    scorer = _champion(spec, published, stores, partition)
    if not (allow_future_model or spec.predict.allow_future_model):
        _refuse_the_future(scorer.pin, partition)
    if published:
        # What is lost of the night that stands does not keep it from being made anew.
        with suppress(MissingPartition, DamagedFile):
            stores.lake.heal(published)
    return _planned(spec, draft, validated, scorer, stores)


def plan_shadow(spec: ModelSpec, partition: str, shadow: StandingShadow, stores: Stores) -> Plan:
    """The same night by who stands in the champion's shadow, published where nobody reads it.

    Raises ``MissingPartition``, ``FromTheFuture`` for a night that it was trained on, ``ModelError``.
    """
    spec.require_night(partition)
    draft = stores.lake.begin(spec.key(Dataset.SHADOW, partition))
    validated = stores.lake.require(spec.key(Dataset.VALIDATED, partition))
    scorer = NightChampion(shadow.record.pin, shadow.champion, shadow.number)
    _refuse_the_future(scorer.pin, partition)
    return _planned(spec, draft, validated, scorer, stores)


def _planned(
    spec: ModelSpec, draft: GenerationDraft, validated: Manifest, scorer: NightChampion, stores: Stores
) -> Plan:
    return Plan(
        model=spec.name,
        partition=validated.partition,
        pin=scorer.pin,
        generation=draft.generation,
        input_digest=validated.digest,
        input_rows=validated.rows,
        base_etag=draft.base_etag,
        shards=_shards(validated, spec.predict.shard_rows, stores),
        inputs=sequences(validated) | {CHAMPION_MOVE: scorer.number},
        threshold=stores.versions.learnt_threshold(scorer.pin, spec.predict.learnt_by),
        champion=scorer.now,
        dataset=draft.key.dataset,
        canary=_canary(spec, scorer.canary, stores),
    )


def _canary(spec: ModelSpec, canary: StandingCanary | None, stores: Stores) -> CanaryPin | None:
    """The pin of who stands beside the champion; None where model.yaml has no canaries any more."""
    if spec.canary is None or canary is None:
        return None
    record = canary.record
    pin = record.pin
    try:
        require_floors(record, "as a canary", stores)
        threshold = stores.versions.learnt_threshold(pin, spec.predict.learnt_by)
    except (MissingPartition, ModelError, UnreadableRecord) as error:
        log.warning("%s: the champion scores all rows, and its canary none: %s", spec.name, error)
        return None
    return CanaryPin(pin, canary.share, canary.number, threshold)


def _champion(spec: ModelSpec, published: Manifest | None, stores: Stores, night: str) -> NightChampion:
    """Who scores a night, and by which move. MLflow decides nothing, but what it shows must be explained."""
    known = published.inputs.get(CHAMPION_MOVE, 0) if published else 0
    try:
        champion = stores.aliases.champion_of(spec.name, night, known)
    except NoChampion as error:
        _refuse_what_is_no_beginning(spec, error, stores)
        raise
    stores.aliases.require_shown(spec.name)
    return champion


def _refuse_what_is_no_beginning(spec: ModelSpec, error: NoChampion, stores: Stores) -> None:
    """That there is no champion yet is a notice. That there is none any more, or only MLflow knows of one, is not."""
    head = stores.aliases.ledger(spec.name).head()
    if CHAMPION in head.last:
        raise ModelError(error.message, fix=error.fix) from error
    # Before there was a ledger MLflow's alias said who scores; a person has to say that it was right.
    shown = stores.registry.alias(spec.name, CHAMPION)
    if shown:
        raise ModelError(
            f"{spec.name}: MLflow has the alias {CHAMPION} on version {shown}, and the ledger of the lake has no move",
            fix=f"if it is right: nightshift seal {spec.name}",
        ) from error


def _refuse_the_future(pin: Pin, partition: str) -> None:
    if partition <= pin.trained_through:
        raise FromTheFuture(
            f"{pin.model} version {pin.version} was trained on nights through {pin.trained_through}"
            f" and would score {partition}, which it has seen",
            fix=f"trigger {pin.model}.predict with allow_future_model, or score a later night",
        )


def _shards(manifest: Manifest, shard_rows: int, stores: Stores) -> list[Shard]:
    shards: list[Shard] = []
    for file in manifest.files:
        for first, last, rows in _ranges(file, shard_rows, stores):
            shard = Shard(
                index=len(shards),
                key=file.key,
                sha256=file.sha256,
                first=first,
                last=last,
                rows=rows,
                bytes=file.bytes,
            )
            shards.append(shard)
    return shards


def _ranges(file: DataFile, shard_rows: int, stores: Stores) -> Iterator[tuple[int, int, int]]:
    """Runs of row groups with at least ``shard_rows`` rows, but for the last: first, end and rows of each."""
    # Its tasks read parts of it, so that here alone all of it is held against its digest before it is scored.
    metadata = stores.lake.source(file, wholly=True).open().metadata
    first = 0
    rows = 0
    for group in range(metadata.num_row_groups):
        rows += metadata.row_group(group).num_rows
        is_last = group == metadata.num_row_groups - 1
        if rows >= shard_rows or is_last:
            yield first, group + 1, rows
            first = group + 1
            rows = 0
