"""Write the champion, or another version that passed its gate, as a target's own reader loads it."""

import tempfile
from dataclasses import replace
from pathlib import Path

from nightshift.contracts import Pin
from nightshift.errors import ModelError, RegistryUnavailable, UnsafeGraph
from nightshift.export.exported import Export, exported
from nightshift.export.graph_facts import kind_of, parsed
from nightshift.export.pairs import DistilledOffer, is_wrong_pair, offer_in, require_known, target_for
from nightshift.export.record import ExportRecord
from nightshift.export.written import require_empty, write_export
from nightshift.monitoring.matters.reference import kept_background
from nightshift.scoring.inspection import inspect
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, by_content


def export(
    spec: ModelSpec,
    to: str,
    folder: Path,
    stores: Stores,
    *,
    version: str | None = None,
    address: str = "",
    python: str = "",
) -> ExportRecord:
    """The folder with the artefact and its record. Nothing is unpickled: the graph is fetched by its sealed digest.

    ``address`` is where the folder will lie, for a target that has to know, and ``python`` which Python has the
    target's own library. Raises ``UsageError`` for an unknown target, a wrong pair, a library that is not there or a
    folder with something in it, ``NoChampion``, ``ModelError``, ``UnsafeGraph``,
    ``ParityFailed``, ``UnreadableRecord``, ``LakeUnavailable``.
    """
    require_known(to)
    require_empty(folder)
    pin = _pin(spec, version, stores)
    fix = f"nightshift rollback {spec.name}"
    body = by_content.body_of(pin.key, pin.sha256, stores, fix=fix, error=UnsafeGraph)
    inspect(body, spec.name)
    kind = kind_of(parsed(body))
    offer = _offer(spec, pin, stores) if is_wrong_pair(to, kind) else None
    target = target_for(to, kind, f"{pin.model} version {pin.version}", offer)
    made = _exported(spec, pin, body, stores)
    return write_export(replace(made, address=address, python=python), target, folder)


def _pin(spec: ModelSpec, version: str | None, stores: Stores) -> Pin:
    """By the ledger and the version's sealed record, as a night is planned; what MLflow shows must be explained."""
    if version is None:
        pin, _ = stores.aliases.champion(spec.name)
        stores.aliases.require_shown(spec.name)
        return pin
    head = stores.aliases.ledger(spec.name).head()
    if version in head.withdrawn:
        raise ModelError(
            f"{spec.name} version {version} was withdrawn, by entry {head.withdrawn[version]} of its ledger, and must"
            " not score",
            fix=f"nightshift ledger {spec.name} says why; export another version",
        )
    return stores.versions.pin(spec.name, version)


def _exported(spec: ModelSpec, pin: Pin, body: bytes, stores: Stores) -> Export:
    threshold = stores.versions.learnt_threshold(pin, spec.predict.learnt_by)
    record = stores.versions.record(pin.model, pin.version)
    variant = record.variant if record else ""
    kept = kept_background(pin, stores.lake)
    if kept is None:
        raise ModelError(
            f"{pin.model} version {pin.version} was trained before versions kept rows to try an export by",
            fix=f"nightshift train {pin.model} NIGHT: the version that comes of it does",
        )
    return exported(spec.with_threshold(threshold), pin, variant, body, kept)


def _offer(spec: ModelSpec, pin: Pin, stores: Stores) -> DistilledOffer | None:
    """What the version's search measured of a distilled network; None where it has none, or MLflow lost the table."""
    try:
        with stores.registry.session(spec.name) as mlflow, tempfile.TemporaryDirectory(prefix="nightshift-") as place:
            # It is told, and decides nothing.
            file = mlflow.artifacts.download_artifacts(
                run_id=pin.run_id,
                artifact_path="onnx/variants.json",
                dst_path=place,
            )
            return offer_in(Path(file).read_text(encoding="utf-8"), spec.metric)
    except (ModelError, RegistryUnavailable):
        return None
