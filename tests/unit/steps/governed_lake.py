"""A lake in memory for the governor's tests: real records and ledgers, and writes that can be made to fail."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

from nightshift.contracts import Dataset, Pin
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightCounts, NightRecord, read_night_record
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stores import layout
from nightshift.stores.objects import ConditionFailed, Objects
from nightshift.stores.versions import Versions


class WorkerLost(BaseException):
    """The process ends in the middle of what it does."""


class MemoryObjects(Objects):
    """A bucket that is a dict. ``writes_left`` is after how many writes the worker is lost; None is never."""

    def __init__(self, settings):
        super().__init__(settings, "s3://memory")
        self.bodies = {}
        self.puts = 0
        self.writes_left = None
        self.read = {}

    def get(self, key, most=0):
        return self.bodies.get(key)

    def get_record(self, key, kind):
        """Parsed once for each body: a story reads the same records again and again."""
        stored = self.bodies.get(key)
        if stored is None:
            return None
        place = (key, stored[1], kind)
        if place not in self.read:
            self.read[place] = kind.from_json(stored[0], key)
        return self.read[place]

    def put(self, key, body, content_type="", **headers):
        self._may_be_lost()
        self.puts += 1
        self.bodies[key] = (body, str(self.puts))
        self._may_be_lost(after=True)

    def put_if(self, key, body, etag):
        stored = self.bodies.get(key)
        if (stored[1] if stored else None) != etag:
            raise ConditionFailed(key)
        self.put(key, body)

    def delete(self, key):
        self.bodies.pop(key, None)

    def keys(self, prefix):
        return iter(sorted(key for key in self.bodies if key.startswith(prefix)))

    def keys_after(self, prefix, key):
        return [each for each in self.keys(prefix) if each > key]

    def prefixes(self, prefix, delimiter):
        names = {key.removeprefix(prefix).split(delimiter)[0] for key in self.keys(prefix)}
        return [f"{prefix}{name}{delimiter}" for name in sorted(names)]

    def _may_be_lost(self, after=False):
        if self.writes_left is None:
            return
        self.writes_left -= 1
        if self.writes_left < 0:
            self.writes_left = None
            raise WorkerLost


class MemoryLake:
    """What a governor and an episode's watch ask of a lake."""

    def __init__(self, objects):
        self.objects = objects
        self.nights = {dataset: {} for dataset in Dataset}

    def partitions(self, dataset, model, column=None):
        return sorted(self.nights[dataset])

    def retracted(self, dataset, model, column):
        return []

    def published(self, key):
        return self.nights[key.dataset].get(key.partition)


@dataclass
class MemoryAliases:
    """The champion, and the moves that runs made."""

    champion: str = "1"
    moves: list = field(default_factory=list)

    def version(self, model, alias):
        return self.champion

    def ledger(self, model):
        return SimpleNamespace(entries=lambda: list(self.moves))

    def move(self, alias, after, run_id):
        self.moves.append(SimpleNamespace(alias=alias, after=after, origin={"airflow_run": run_id}, reason="its gate"))


class MemoryWorld:
    """Nights of a model that are scored, monitored and labelled, by whatever a test says of them."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.objects = MemoryObjects(Settings(project=".", home=".", lake="s3://memory", seal_key="s" * 40))
        self.lake = MemoryLake(self.objects)
        self.aliases = MemoryAliases()
        self.stores = SimpleNamespace(
            lake=self.lake,
            aliases=self.aliases,
            settings=self.objects.settings,
            origin={"by": "ann"},
            began=None,
        )
        self.stores.versions = Versions(self.stores)
        self.generations = 0

    def label(self, *nights):
        for night in nights:
            self.lake.nights[Dataset.LABELS][night] = SimpleNamespace(digest=night)

    def score(self, night, version):
        """Predictions that no record is of yet."""
        self.generations += 1
        manifest = SimpleNamespace(
            generation=f"g{self.generations}",
            digest=f"d{self.generations}",
            version=version,
            provenance={},
        )
        self.lake.nights[Dataset.PREDICTIONS][night] = manifest
        self.label(night)

    def monitor(self, night, drifted, lost=None):
        """Records as the monitor writes them, ``lost`` by labelled night; what it hands to the governor.

        ``drifted`` is None of a night that no detector can judge.
        """
        predictions = self.lake.nights[Dataset.PREDICTIONS][night]
        self.lake.nights[Dataset.MONITORING][night] = predictions
        key = self.spec.key(Dataset.MONITORING, night)
        self.objects.put_record(layout.drift(key), self._record(night, drifted, predictions))
        measured = []
        for labelled, verdict in (lost or {}).items():
            scored = self.lake.nights[Dataset.PREDICTIONS].get(labelled)
            if scored:
                record = self._accuracy(labelled, night, verdict, scored)
                self.objects.put_record(layout.accuracy(self.spec.name, labelled), record)
                measured.append(labelled)
        return SimpleNamespace(
            model=self.spec.name,
            partition=night,
            version=predictions.version,
            accuracy_nights=measured,
            judged_again=[],
        )

    def is_drifted(self, night):
        """What the record of a night says."""
        record = read_night_record(self.spec, night, self.stores)
        return record.drift.alarm if record else False

    def _record(self, night, drifted, predictions):
        pin = Pin(self.spec.name, predictions.version, "r", "ab" * 32, "k", "5f.dir", "2024-01-31")
        return NightRecord(
            model=self.spec.name,
            partition=night,
            version=predictions.version,
            pin=pin,
            counts=NightCounts(90, 0, 90, 0),
            generation=predictions.generation,
            drift=self._drift(drifted),
            accuracy=(),
        )

    def _drift(self, drifted):
        result = DriftResult(bool(drifted), 1.0, 2.0, 0.5, "amount", 90, 0.01, 60, [])
        return replace(result, detectors={"night": drifted, "nights": None})

    def _accuracy(self, night, measured_by, lost, predictions):
        return Accuracy(
            model=self.spec.name,
            night=night,
            version=predictions.version,
            measured_by=measured_by,
            predictions=predictions.digest,
            labels=night,
            rows=90,
            labelled=90,
            without_label=0,
            labels_unscored=0,
            metrics={"log_loss": 0.5},
            limit=0.4,
            lost=lost,
        )
