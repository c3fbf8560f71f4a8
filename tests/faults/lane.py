"""One lake under attack whose nights are ingested, validated and predicted again and again, by several processes.

``hurt`` are the processes that troubles befall, ``other`` works beside them. All chance is from one seed.
"""

import random
import shutil
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from nightshift.contracts import Dataset
from nightshift.errors import NightshiftError
from nightshift.steps.maintain import sweep
from nightshift.stores import Stores, layout
from tests.faults import chain
from tests.faults.bucket import Bucket
from tests.faults.chain import Made, Outside, chain_spec
from tests.faults.checks import DATASETS, NOTHING, Checks
from tests.faults.process import Done, TaskProcess
from tests.faults.store import STORES
from tests.faults.tasks import Task
from tests.faults.watchers import Watchers
from tests.faults.world import build

STEPS = ("ingest", "validate", "predict")
SHARD_ROWS = (1, 60, 10**6)
# Processes that troubles befall at once, and how often a source is corrected, rather than a champion moved.
HURT, CORRECTED = 3, 0.3
# What a source takes to answer, in milliseconds: a slow one may be corrected meanwhile.
QUICK, SLOW = 0, 80
# Requests of a task, about.
REQUESTS = {"ingest": 10, "validate": 40, "predict": 35, "plan": 8, "score": 20, "publish": 16}
# Longer than any task of a lane lasts, as the real age is longer than any run.
TOO_YOUNG = timedelta(minutes=4)


class Lane:
    """Some nights in a lake of their own, and what was done to them."""

    def __init__(self, store: str, seed: int) -> None:
        self.store_name, self.seed = store, seed
        self.rng = random.Random(seed)
        self.faults: Counter[str] = Counter()
        self.violations: list[str] = []
        self.seconds: dict[str, float] = {}
        self.edition = self.move = self.clean_runs = 0
        self.watchers: Watchers | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.store: Any = stack.enter_context(STORES[self.store_name]())
            self.settings = self.store.settings("s3://lake/lane")
            folder = Path(tempfile.mkdtemp(prefix="nightshift-source-"))
            stack.callback(shutil.rmtree, folder)
            self.outside = Outside(folder)
            self.outside.slow_down(QUICK)
            self.promote()
            build(self.settings, ())
            self.bucket = Bucket(self.settings)
            self.checks = Checks(self.bucket, conditional_copies=self.store_name != "moto", violations=self.violations)
            processes = [TaskProcess(self.settings, folder, self.rng) for _ in range(HURT + 1)]
            self.other, *self.all_hurt = map(stack.enter_context, processes)
            self.hurt, *_ = self.all_hurt
            for partition in chain.PARTITIONS:
                self.correct(partition)
                self.heal(partition)
            self.watchers = Watchers(self.settings, conditional_copies=self.checks.conditional_copies)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        if self.watchers:
            self.watchers.stop()
        self._stack.close()

    def close(self) -> dict[str, Any]:
        """One clean run of each night, all garbage collected; nothing is left over. What was done and seen."""
        for partition in chain.PARTITIONS:
            self.heal(partition)
        watched, self.watchers = self.watchers.stop(), None
        self.collect()
        self.violations += [f"left over: {key}" for key in sorted(self.leftovers())]
        for partition in chain.PARTITIONS:
            self.checks.look(partition, calm=True)
        self.violations += [f"{tally.reader}: {what}" for tally, _ in watched for what in tally.violations]
        return {
            "faults": dict(self.faults),
            "tasks": dict(self.checks.outcomes),
            "clean_runs": self.clean_runs,
            "looks": self.checks.looks,
            "reads": {tally.reader: tally.reads for tally, _ in watched},
            "failed_reads": {tally.reader: sum(tally.errors.values()) for tally, _ in watched},
            "set_back": {"plain": self.checks.set_back, **{tally.reader: count for tally, count in watched}},
            "violations": self.violations,
        }

    def count(self, kind: str, detail: str, number: int = 1) -> None:
        """Faults that were injected."""
        self.faults[f"{kind}: {detail}"] += number

    def count_injected(self, kind: str, process: TaskProcess) -> int:
        """Take over what a proxy injected."""
        injected, process.proxy.injected = process.proxy.injected, Counter()
        for fault, number in injected.items():
            self.count(kind, fault, number)
        return sum(injected.values())

    def correct(self, partition: str) -> None:
        """The source's rows of a night are others from now on."""
        self.edition += 1
        self.outside.correct(partition, self.edition)

    def promote(self) -> None:
        """Another version is champion from now on."""
        self.move += 1
        self.outside.promote(self.move)

    def newer(self, partition: str) -> None:
        """Something newer is there to be made a night of: a corrected source, or another champion."""
        self.correct(partition) if self.rng.random() < CORRECTED else self.promote()

    def partition(self) -> str:
        """One of the nights."""
        return self.rng.choice(chain.PARTITIONS)

    def task(self, name: str, partition: str, **more: Any) -> Task:
        """A task, with shards of some size."""
        return Task(name, partition, self.rng.choice(SHARD_ROWS), **more)

    def any_task(self, partition: str) -> Task:
        """One that has something to do: most often a night to be scored by a new champion."""
        (name,) = self.rng.choices(STEPS, (2, 1, 6))
        return self.due(name, partition)

    def due(self, name: str, partition: str) -> Task:
        """A task with something to do: what it makes a night of is new."""
        if name == "predict":
            self.outside.slow_down(QUICK)
            self.promote()
        else:
            self.correct(partition)
        if name == "validate":
            self.do(self.task("ingest", partition))
        return self.task(name, partition)

    def instant(self, task: Task) -> float:
        """Seconds into a task."""
        return self.rng.uniform(0, 1.1 * self.seconds[task.name])

    def request(self, task: Task) -> int:
        """The number of one of its requests."""
        return self.rng.randint(1, REQUESTS[task.name])

    def end(self, process: TaskProcess) -> Done:
        """How its task ended, on record."""
        return self.checks.ended(process.wait())

    def do(self, task: Task) -> Done:
        """A task that nothing disturbs, on record; what such tasks take."""
        began = time.monotonic()
        done = self.checks.ended(self.other.do(task))
        before = self.seconds.get(task.name, 0.0)
        self.seconds[task.name] = before + (time.monotonic() - began - before) / 4
        return done

    def stale(self, partition: str) -> tuple[str, ...]:
        """The tasks that have something to do, from the first whose night is not the newest, or not in both places."""
        stands = self.checks.look(partition)
        behind = {dataset for dataset, night in self.checks.behind if night == partition}
        newest = Made(self.outside.edition(partition))
        if stands.get(Dataset.RAW) != newest or Dataset.RAW in behind:
            return STEPS
        set_aside = stands.get(Dataset.QUARANTINE, newest)
        old = stands.get(Dataset.VALIDATED) != newest or set_aside not in {newest, Made(NOTHING)}
        if old or behind & {Dataset.VALIDATED, Dataset.QUARANTINE}:
            return STEPS[1:]
        return STEPS[2:]

    def heal(self, partition: str) -> None:
        """Runs that nothing disturbs make the newest night of the newest input, in both places, whatever was before."""
        self.clean_runs += 1
        for name in self.stale(partition):
            done = self.do(self.task(name, partition))
            if done.how != "done":
                self.violations.append(f"a clean {name} of {partition} ended {done.how}: {done.value}")
        stands = self.checks.look(partition, calm=True)
        edition = self.outside.edition(partition)
        newest = {
            Dataset.RAW: Made(edition),
            Dataset.VALIDATED: Made(edition),
            Dataset.PREDICTIONS: Made(edition, self.move),
        }
        if {dataset: stands.get(dataset) for dataset in newest} != newest:
            self.violations.append(f"after clean runs of {partition}: {stands}, expected {newest}")

    def collect(self, older_than: timedelta = timedelta(0)) -> None:
        """What ``maintain`` does, for any age."""
        try:
            sweep(chain_spec(1), Stores(self.settings), older_than, say=lambda _: None)
        except NightshiftError as error:
            self.violations.append(f"maintain ended {type(error).__name__}: {error}")

    def leftovers(self) -> set[str]:
        """Files of ``generations/`` that no manifest needs."""
        stems = set()
        for partition in chain.PARTITIONS:
            for dataset in DATASETS:
                manifest = self.bucket.json(layout.manifest(chain.night_of(dataset, partition))) or {"files": []}
                needed = [file["key"] for file in manifest["files"]]
                needed += manifest.get("provenance", {}).get("shards", ())
                stems |= {layout.stem(key) for key in needed}
        return {key for key in self.bucket.keys("generations/") if layout.stem(key) not in stems}
