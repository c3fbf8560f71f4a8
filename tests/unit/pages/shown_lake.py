"""A lake in memory with everything that pages show: nights, drift, accuracy, ledgers; requests are counted."""

import datetime as dt
import math
import random
from collections import Counter
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

from nightshift.contracts import Dataset, Pin
from nightshift.modelling.night_skill import NightSkill
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.drift import DriftResult, FeatureDrift
from nightshift.monitoring.matters.record import LossEstimate, Matters
from nightshift.monitoring.night_record import NightCounts, NightRecord
from nightshift.monitoring.skill import PooledSkill
from nightshift.partitions import shifted
from nightshift.settings import Settings
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import Manifest
from nightshift.stores.objects import ConditionFailed, ObjectHead, ObjectInfo, Objects

SEAL = "ab" * 32
PAGE = 1_000
GENERATION = "0123456789ab"
EDGES = [0.05 * step for step in range(1, 20)]


class CountedObjects(Objects):
    """A bucket that is a dict, with S3's pages of listings; ``requests`` counts what a store would be asked."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "s3://memory")
        self.bodies: dict[str, tuple[bytes, str]] = {}
        self.requests: Counter[str] = Counter()
        self._puts = 0

    def get(self, key: str, most: int = 0) -> tuple[bytes, str] | None:
        self.requests["get"] += 1
        return self.bodies.get(key)

    def head(self, key: str) -> ObjectHead | None:
        self.requests["head"] += 1
        return SimpleNamespace(etag=self.bodies[key][1]) if key in self.bodies else None  # type: ignore[return-value]

    def put(self, key: str, body: bytes, content_type: str = "", **headers: str) -> None:
        self.requests["put"] += 1
        self._puts += 1
        self.bodies[key] = (body, f'"{self._puts}"')

    def put_if(self, key: str, body: bytes, etag: str | None) -> None:
        stored = self.bodies.get(key)
        if (stored[1] if stored else None) != etag:
            raise ConditionFailed(key)
        self.put(key, body)

    def delete(self, key: str) -> None:
        self.bodies.pop(key, None)

    def listing(self, prefix: str, after: str = "") -> Any:
        keys = sorted(key for key in list(self.bodies) if key.startswith(prefix) and key > after)
        self.requests["list"] += 1
        for number, key in enumerate(keys):
            if number and number % PAGE == 0:
                self.requests["list"] += 1
            body, etag = self.bodies[key]
            yield ObjectInfo(key, size=len(body), modified=dt.datetime(2024, 1, 1, tzinfo=dt.UTC), etag=etag)

    def keys_after(self, prefix: str, key: str) -> list[str]:
        return [item.key for item in self.listing(prefix, after=key)]

    def prefixes(self, prefix: str, delimiter: str) -> list[str]:
        self.requests["list"] += 1
        rest = {key.removeprefix(prefix) for key in list(self.bodies) if key.startswith(prefix)}
        return sorted({prefix + part.split(delimiter)[0] + delimiter for part in rest if delimiter in part})

    def first_key(self, prefix: str, after: str = "") -> str | None:
        self.requests["list"] += 1
        return min((key for key in list(self.bodies) if key.startswith(prefix) and key > after), default=None)


def open_lake() -> tuple[Stores, CountedObjects]:
    """Stores over an empty bucket."""
    settings = Settings.model_validate({"project": ".", "home": ".", "lake": "s3://memory", "seal_key": SEAL})
    stores = Stores(settings, {"by": "ana"})
    objects = CountedObjects(settings)
    lake = SimpleNamespace(objects=objects, published=lambda _: None)
    stores.__dict__["lake"] = lake
    return stores, objects


class ShownModel:
    """Writes the nights of one model, as publishing and monitoring leave them."""

    def __init__(self, spec: ModelSpec, objects: CountedObjects, seed: int = 0, size: int = 900) -> None:
        self.spec = spec
        self._objects = objects
        self._dice = random.Random(seed)
        self._size = size

    def pin(self, version: str) -> Pin:
        return Pin(self.spec.name, version, "run", "ab" * 32, "k", "5f.dir", "2013-01-01")

    def rows_of(self, night: str) -> int:
        day = dt.date.fromisoformat(night)
        weekend = 0.78 if day.weekday() >= 5 else 1.0
        season = 1 + 0.08 * math.sin(day.timetuple().tm_yday / 58)
        return int(self._size * weekend * season * self._dice.uniform(0.96, 1.04))

    def night(
        self,
        night: str,
        *,
        version: str = "1",
        ratio: float | None = None,
        quarantined: int = 0,
        planned: str = "",
        shift: float = 0.0,
    ) -> Manifest:
        """Published and monitored; drifted with a ratio above 1."""
        rows = self.rows_of(night)
        ratio = self._dice.uniform(0.25, 0.8) if ratio is None else ratio
        self._commit(Dataset.VALIDATED, night, rows, version, quarantined)
        predictions = self._commit(Dataset.PREDICTIONS, night, rows, version, 0)
        record = NightRecord(
            model=self.spec.name,
            partition=night,
            version=version,
            pin=self.pin(version),
            counts=NightCounts(rows + quarantined, quarantined, rows, 0),
            generation=GENERATION,
            drift=self._drift(rows, ratio, shift),
            accuracy=(),
            planned=planned,
            matters=Matters([], rows, LossEstimate("log_loss", rows, self._loss(shift), 0.3, 0.5, 0.4, 0.5, False)),
        )
        key = self.spec.key(Dataset.MONITORING, night)
        self._objects.put_record(layout.drift(key), record)
        self._objects.put(layout.drift_report(key), b"<h1>the report</h1>")
        self._objects.put(layout.served_file(key, 0), b"parquet")
        self.checked(night)
        return predictions

    def checked(self, night: str) -> None:
        """Its checks left a page: refused, where nothing else is there."""
        key = self.spec.key(Dataset.VALIDATED, night)
        self._objects.put(layout.data_docs(key), b"<html>")
        self._objects.put(layout.validation_result(key), b"{}")

    def labels(self, predictions: Manifest, *, lost: bool = False, fall: float = 0.0) -> None:
        """How good a night was."""
        night = predictions.partition
        version = str(predictions.provenance["pin"]["version"])
        skill = 0.11 - fall + self._dice.gauss(0, 0.012)
        of_night = NightSkill(
            rows=100, skill=skill, skill_noise=0.0, rank=0.7, rank_noise=0.0, forecast={"1": 0.2}, outcome={"1": 0.2},
            score={"1": 0.2}, bias_noise={"1": 0.0},
        )  # fmt: skip
        pooled = PooledSkill(nights=(night,), evidence=300.0 if lost else 1.0, needed=200.0, usual={"skill": 0.11})
        record = Accuracy(
            model=self.spec.name, night=night, version=version, measured_by=shifted(night, 1),
            predictions=predictions.digest, labels="l", rows=100, labelled=100, without_label=0, labels_unscored=0,
            metrics={"log_loss": self._loss(fall)}, limit=None, lost=lost, skill=of_night, pooled=pooled,
        )  # fmt: skip
        self._objects.put_record(layout.accuracy(self.spec.name, night), record)

    def _loss(self, shift: float) -> float:
        return 0.4 + shift / 3 + self._dice.gauss(0, 0.01)

    def _commit(self, dataset: Dataset, night: str, rows: int, version: str, quarantined: int) -> Manifest:
        key = self.spec.key(dataset, night)
        facts: dict[str, Any] = {
            **asdict(key),
            "generation": GENERATION,
            "previous": None,
            "schema": {"score": "double"},
        }
        manifest = Manifest(
            **facts,
            rows=rows,
            rows_in=rows + quarantined,
            rows_quarantined=quarantined,
            files=(),
            provenance={"pin": asdict(self.pin(version))},
        )
        self._objects.put_record(layout.manifest(key), manifest)
        return manifest

    def _drift(self, rows: int, ratio: float, shift: float) -> DriftResult:
        counts = [int(rows * math.exp(-((place / 20 - 0.3 - shift) ** 2) / 0.03)) for place in range(20)]
        facts: dict[str, Any] = {
            "distance": 0.1, "statistic": ratio, "threshold": 1.0, "calibrated": True, "null_share": 0.0,
            "reference_null_share": 0.0, "rows": rows, "categories": [],
        }  # fmt: skip
        worst = FeatureDrift(
            feature="amount", ratio=ratio, drifted=ratio > 1, counts=counts, reference=counts, kind="numeric",
            edges=EDGES, **facts,
        )  # fmt: skip
        score = FeatureDrift(
            feature=self.spec.predict.score, ratio=ratio / 2, drifted=ratio > 2, counts=[*counts, 0],
            reference=[*counts, 0], kind="numeric", edges=EDGES, **facts,
        )  # fmt: skip
        verdict = {"night": ratio > 1, "nights": False}
        return DriftResult(ratio > 1, ratio, 1.0, ratio, "amount", rows, 0.01, 90, [worst, score], verdict)
