"""Read everything that a record of the lake names, and hold it against the digest that the record has.

Nothing is changed. What is asked of the stores is bounded: a page of a listing for a thousand keys, and for each object
that is named one request, and as many again as readings of what seems damaged. What is made anew where it does not fit
is left out: caches, finished shards, reports.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset, PartitionKey, Pin
from nightshift.errors import DamagedFile, NightshiftError, Unavailable
from nightshift.monitoring.retrains import started_retrains
from nightshift.monitoring.silences import silences
from nightshift.profiles.profile import load_profile
from nightshift.progress import OnProgress, counted, unheard
from nightshift.stores import Stores, layout
from nightshift.stores.commit import readable
from nightshift.stores.manifest import DataFile
from nightshift.stores.parquet_source import is_intact, require_intact
from nightshift.stores.seals import Seals

AT_ONCE = 8
AHEAD = 64
Look: TypeAlias = Callable[[], None]
"""At one thing; what is wrong with it is raised."""


@dataclass
class LakeFindings:
    """How many nights, versions, logs and files of snapshots were read, and an error for each thing that is damaged."""

    examined: int = 0
    damaged: list[NightshiftError] = field(default_factory=list)


def examine_lake(stores: Stores, progress: OnProgress = unheard) -> LakeFindings:
    """All models of the lake, whether there is a spec of them or not. Raises ``Unavailable``, ``UsageError``."""
    Seals.of(stores.settings)
    findings = LakeFindings()
    for model in _models(stores):
        examination = _Examination(model, stores, findings, progress)
        examination.nights()
        examination.logs()
        examination.versions()
        examination.snapshots()
    return findings


def _models(stores: Stores) -> list[str]:
    names = set()
    for folder in layout.FOLDERS_OF_MODELS:
        for prefix in stores.lake.objects.prefixes(folder, "/"):
            names.add(prefix.removeprefix(folder).rstrip("/"))
    return sorted(names)


class _Examination:
    """Of one model: ``pins`` are the versions that its nights or its records name."""

    def __init__(self, model: str, stores: Stores, findings: LakeFindings, progress: OnProgress) -> None:
        self._model = model
        self._stores = stores
        self._objects = stores.lake.objects
        self._findings = findings
        self._progress = progress
        self._pins: set[Pin] = set()

    def nights(self) -> None:
        """Manifests, the files that they name, and what people read."""
        for dataset in Dataset:
            self._look(str(dataset), self._of_nights(dataset))

    def logs(self) -> None:
        """Moves of aliases, retrains, silenced alarms, what each version is: every entry, and that they follow."""
        looks: list[Look] = [self._moves, self._retrains, self._silences]
        looks += [partial(self._version, version) for version in self._stores.versions.known(self._model)]
        self._look("moves and versions", looks)

    def versions(self) -> None:
        """Graphs and profiles."""
        looks: list[Look] = []
        for pin in self._sorted_pins():
            looks += [partial(self._graph, pin), partial(self._profile, pin)]
        self._look("graphs and profiles", looks)

    def snapshots(self) -> None:
        """Listings of snapshots in DVC's remote, then each file that any of them names, once."""
        named: set[str] = set()
        snapshots = sorted({pin.snapshot_md5 for pin in self._pins})
        self._look("snapshots", [partial(self._snapshot, md5, named) for md5 in snapshots])
        self._look("files of snapshots", [partial(self._pushed, md5) for md5 in sorted(named)])

    def _look(self, what: str, looks: Sequence[Look]) -> None:
        """Look at many things, some of them side by side."""
        if not looks:
            return
        stage = f"{self._model}: reading {what}"
        for error in ordered_map(_fault, counted(looks, stage, self._progress), AT_ONCE, AHEAD):
            self._findings.examined += 1
            if error:
                self._findings.damaged.append(error)

    def _of_nights(self, dataset: Dataset) -> list[Look]:
        looks: list[Look] = []
        for key in self._objects.keys(layout.manifests(dataset, self._model)):
            night = layout.manifest_in(key)
            if night:
                looks += [partial(self._files, night), partial(self._plain_files, night)]
        return looks

    def _files(self, key: PartitionKey) -> None:
        manifest = self._stores.lake.manifest(key)
        if manifest is None:
            return
        if key.dataset in {Dataset.PREDICTIONS, Dataset.SHADOW} and manifest.names_version:
            self._pins.update(manifest.pins.values())
        for file in manifest.files:
            require_intact(self._objects, file)

    def _plain_files(self, key: PartitionKey) -> None:
        manifest = readable(self._objects, key)
        for index, file in enumerate(manifest.manifest.files if manifest else ()):
            self._plain(key, layout.served_file(key, index), file)

    def _plain(self, key: PartitionKey, served: str, file: DataFile) -> None:
        if not is_intact(self._objects, file.model_copy(update={"key": served})):
            raise DamagedFile(
                f"{self._objects.uri}/{served} is not the file that the manifest of {key} names, or is gone",
                fix=f"nightshift maintain {self._model}; where that finds nothing, delete the file before",
            )

    def _moves(self) -> None:
        self._stores.aliases.ledger(self._model).entries()

    def _retrains(self) -> None:
        started_retrains(self._model, self._stores).entries()

    def _silences(self) -> None:
        silences(self._model, self._stores).entries()

    def _version(self, version: str) -> None:
        records = self._stores.versions.log(self._model, version).entries()
        self._pins.update(record.pin for record in records)

    def _graph(self, pin: Pin) -> None:
        graph = DataFile(key=pin.key, rows=0, bytes=0, sha256=pin.sha256)
        if not is_intact(self._objects, graph):
            raise DamagedFile(
                f"{self._objects.uri}/{pin.key} is not the graph of {self._model} version {pin.version}, or is gone",
                fix=f"nightshift rollback {self._model}; or put it back: MLflow's run {pin.run_id} has it",
            )

    def _profile(self, pin: Pin) -> None:
        load_profile(pin, self._stores.lake)

    def _snapshot(self, md5: str, named: set[str]) -> None:
        self._pushed(md5)
        named.update(self._stores.snapshots.files(md5).values())

    def _pushed(self, md5: str) -> None:
        if not self._stores.snapshots.is_pushed(md5):
            raise DamagedFile(
                f"{self._stores.settings.dvc_remote} has not {md5}, of snapshots of {self._model}, as it was written",
                fix=f"push it from where it was made: dvc push; or learn anew: nightshift train {self._model} NIGHT",
            )

    def _sorted_pins(self) -> list[Pin]:
        return sorted(self._pins, key=lambda pin: (pin.version, pin.sha256, pin.profile_sha256))


def _fault(look: Look) -> NightshiftError | None:
    """What is wrong with a thing. A store that is away says nothing of it."""
    try:
        look()
    except Unavailable:
        raise
    except NightshiftError as error:
        return error
    return None
