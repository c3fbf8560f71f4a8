"""The loop on a real Airflow whose tasks are killed and paused at random, while nights come in and are corrected.

At the end each night is whole, once, and of the newest input, in all that was made of it.
"""

import hashlib
import os
import random
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil
import pyarrow as pa

from nightshift.contracts import Dataset
from nightshift.demo.board import BoardRun
from nightshift.errors import StackError
from nightshift.partitions import following, parse_partition
from nightshift.stack import processes
from nightshift.steps.predict import predict
from nightshift.stores.manifest import Manifest
from nightshift.stores.parquet import conform, schema_of
from tests.faults.airflow_site import AS_OF, HEARTBEAT, MODEL, AirflowSite

NIGHTS = following(AS_OF, 6)
LIVE = {"queued", "running"}
# Seconds between two troubles, between two corrections, and that a run may take to end when all is quiet.
TROUBLE, CORRECTION, PATIENCE = (0.5, 3.0), 20.0, 900
BEYOND = 2 * HEARTBEAT


@dataclass
class Chaos:
    """What was done to a site, and what is wrong with it."""

    site: AirflowSite
    rng: random.Random
    faults: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    editions: int = 0
    _asleep: list[threading.Timer] = field(default_factory=list)

    def correct(self, night: str) -> None:
        """The source of a night is corrected, and it is ingested again."""
        self.editions += 1
        self.site.correct(night, self.editions)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            # Its id is fixed: what a busy Airflow did without an answer is not done twice.
            with suppress(StackError):
                self.site.api.trigger(f"{MODEL}.ingest", f"chaos__{self.editions}", night)
                return
            time.sleep(2)
        raise TimeoutError(night)

    def trouble(self) -> None:
        """One task process, or a worker with its task, is killed, or stands still beyond its heartbeat."""
        workers = self._workers()
        if not workers:
            return
        worker, task = self.rng.choice(workers)
        kind = self.rng.choice(("kill task", "kill both", "pause task", "pause both", "pause both"))
        with suppress(psutil.NoSuchProcess):
            match kind:
                case "kill task":
                    task.kill()
                    self.faults["killed: a task of Airflow"] += 1
                case "kill both":
                    worker.kill()
                    task.kill()
                    self.faults["killed: a worker of Airflow, and its task"] += 1
                case "pause task":
                    self._pause([task], self.rng.uniform(0.5, HEARTBEAT))
                    self.faults["paused: a task of Airflow, its worker goes on"] += 1
                case _:
                    self._pause([worker, task], self.rng.uniform(HEARTBEAT, BEYOND))
                    self.faults["paused: a worker of Airflow with its task, beyond the heartbeat"] += 1

    def _workers(self) -> list[tuple[psutil.Process, psutil.Process]]:
        """Each worker that has a task, and the task."""
        scheduler = processes.recall(self.site.stack.records, "scheduler")
        pairs = []
        for worker in psutil.Process(scheduler.pid).children(recursive=True):
            # Some have ended since they were listed.
            with suppress(psutil.Error):
                if _is_worker(worker):
                    pairs += [(worker, task) for task in worker.children() if task.status() != psutil.STATUS_ZOMBIE]
        return pairs

    def _pause(self, stopped: list[psutil.Process], seconds: float) -> None:
        for process in stopped:
            process.suspend()
        timer = threading.Timer(seconds, _resume, (stopped,))
        timer.start()
        self._asleep.append(timer)

    def wake(self) -> None:
        """All that stand still have gone on."""
        for timer in self._asleep:
            timer.join()

    def settle(self) -> None:
        """Nothing is live any more; runs that lost all their tries are cleared, as a person does."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            runs = self._runs()
            for run in (run for run in runs if run.state == "failed"):
                with suppress(StackError):
                    self.site.api.clear(run)
            if not any(run.state in LIVE | {"failed"} for run in runs):
                return
            time.sleep(2)
        live = [f"{run.dag} {run.partition} {run.state}" for run in self._runs() if run.state != "success"]
        self.violations.append(f"after {PATIENCE} s of silence: {live}")

    def _runs(self) -> list[BoardRun]:
        while True:
            with suppress(StackError):
                self.site.api._asked = None
                return [run for run in self.site.api.changed_runs() if run.partition]
            time.sleep(2)

    def check(self, night: str) -> None:
        """One night, from its source to its monitoring."""
        lake, spec = self.site.stores.lake, self.site.spec
        raw, validated, predictions, monitoring = (
            lake.require(spec.key(dataset, night))
            for dataset in (Dataset.RAW, Dataset.VALIDATED, Dataset.PREDICTIONS, Dataset.MONITORING)
        )
        rows = self._newest(night)
        scored = lake.read(predictions)
        champion, _ = self.site.stores.aliases.champion(MODEL)
        again = predict(spec, night, self.site.stores)
        whole = {
            "raw is of the newest edition": lake.read(raw).equals(rows),
            "validated has its rows": lake.read(validated).equals(rows),
            "validated names raw": validated.provenance["input"] == raw.digest,
            "predictions name validated": predictions.provenance["input"] == validated.digest,
            "each row is scored once": scored.select(list(spec.keys)).equals(rows.select(list(spec.keys))),
            "by one version": scored["model_version"].unique().to_pylist() == [predictions.pin.version],
            "scoring again gives the same": again.digest == predictions.digest or predictions.pin != champion,
            "monitoring names both": monitoring.provenance["input"] == validated.digest
            and monitoring.provenance["predictions"] == predictions.digest,
            "people read what stands": all(self._is_plain(each) for each in (raw, validated, predictions)),
        }
        self.violations += [f"{night}: not so: {what}" for what, holds in whole.items() if not holds]

    def _newest(self, night: str) -> pa.Table:
        spec = self.site.spec
        frame = self.site.source().features(parse_partition(night))
        order = [(key, "ascending") for key in spec.keys]
        return conform(frame, schema_of(spec.columns), night).sort_by(order).combine_chunks()

    def _is_plain(self, manifest: Manifest) -> bool:
        objects = self.site.stores.lake.objects
        ((served, source),) = manifest.served_files.items()
        folder = served.rpartition("/")[0]
        bodies = [objects.get(key) for key in (served, source)]
        digests = [hashlib.sha256(body[0]).hexdigest() for body in bodies if body]
        return digests == [manifest.files[0].sha256] * 2 and list(objects.keys(f"{folder}/")) == [served]


def chaos(seed: int, seconds: float) -> dict[str, Any]:
    """Trouble for a while, then silence; what was done, and what is wrong at the end."""
    with AirflowSite() as site:
        storm = Chaos(site, random.Random(seed))
        for night in NIGHTS:
            storm.correct(night)
        began = corrected = time.monotonic()
        while time.monotonic() - began < seconds:
            time.sleep(storm.rng.uniform(*TROUBLE))
            storm.trouble()
            if time.monotonic() - corrected > CORRECTION:
                corrected = time.monotonic()
                storm.correct(storm.rng.choice(NIGHTS))
        storm.wake()
        storm.settle()
        for night in NIGHTS:
            try:
                storm.check(night)
            except Exception as error:  # noqa: BLE001 - what cannot be read is wrong too
                storm.violations.append(f"{night}: {type(error).__name__}: {error}")
        states = Counter(f"{run.dag.partition('.')[2]}: {run.state}" for run in storm._runs())
        return {"faults": dict(storm.faults), "tasks": dict(states), "violations": storm.violations}


def _is_worker(process: psutil.Process) -> bool:
    return "worker -- LocalExecutor" in " ".join(process.cmdline())


def _resume(stopped: list[psutil.Process]) -> None:
    for process in stopped:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
