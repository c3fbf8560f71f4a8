"""A lake under attack: the store, the proxy before it, the readers beside it, and what must hold at any time."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from nightshift.contracts import Dataset, Maintained, PartitionKey
from nightshift.errors import LakeUnavailable
from nightshift.steps.maintain import sweep
from nightshift.stores import Stores
from nightshift.stores.lake import Lake
from tests.faults.proxy import Plan, Proxy, nothing
from tests.faults.readers import Readers, Tally
from tests.faults.store import Store
from tests.faults.worker import Attempt, Job, Outcome
from tests.faults.world import MODEL, Judge, Night, Wrong, build, make_spec

PATIENCE = 240


@dataclass
class Record:
    """What was done, and what came of it."""

    faults: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    clean_runs: int = 0
    violations: list[str] = field(default_factory=list)
    collected: Maintained | None = None


class Site:
    """One lake with some validated nights. ``direct`` reaches the store itself, ``faulty`` goes through the proxy."""

    def __init__(self, nights: tuple[Night, ...], lake: str = "s3://lake/faults") -> None:
        self.nights, self._lake_uri = nights, lake
        self.judge, self.record = Judge(nights), Record()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.store = stack.enter_context(Store())
            self.direct = self.store.settings(self._lake_uri)
            self.proxy = stack.enter_context(Proxy(self.store.url))
            self.faulty = self.direct.model_copy(update={"endpoint": self.proxy.url})
            build(self.direct, self.nights)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def lake(self) -> Lake:
        """A client that no fault has touched."""
        return Lake(self.direct)

    def start(self, night: Night, version: str, shard_rows: int, *, plan: Plan | None = None, **more: int) -> Attempt:
        """An attempt, through the proxy where a plan is given."""
        if plan is None:
            return Attempt(Job(self.direct, night.partition, version, shard_rows, night.row_group_rows, **more))
        self.proxy.start_counting(plan)
        attempt = Attempt(Job(self.faulty, night.partition, version, shard_rows, night.row_group_rows, **more))
        self.proxy.kill = attempt.kill
        return attempt

    def end(self, attempt: Attempt) -> Outcome:
        """Its outcome, on record; a crash is a violation."""
        outcome = attempt.wait(PATIENCE)
        self.record.outcomes[outcome.how] += 1
        if outcome.how == "crashed":
            self.violation(f"an attempt crashed: {outcome.said}")
        return outcome

    def violation(self, what: str) -> None:
        """Something that must never happen."""
        self.record.violations.append(what)

    def guarded(self, check: Callable[[], object]) -> None:
        """A check whose failure goes on record, so that a campaign goes on and shows all of them."""
        try:
            check()
        except AssertionError as wrong:
            self.violation(str(wrong))

    def count_network_faults(self) -> None:
        """Take over what the proxy injected."""
        self.proxy.plan = nothing
        self.record.faults += self.proxy.injected
        self.proxy.injected.clear()

    def check(self, night: Night) -> str | None:
        """What stands is whole, in both places; the version that the manifest has. Raises ``Wrong``.

        A store that was killed says that it is there some seconds before it finds all its data again.
        """
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self._check(night)
            except LakeUnavailable as error:
                if time.monotonic() > end:
                    raise Wrong(f"{night.partition}: the store does not find its data again: {error}") from error
                time.sleep(0.5)

    def _check(self, night: Night) -> str | None:
        manifest = self.lake.manifest(PartitionKey(Dataset.PREDICTIONS, MODEL, "day", night.partition))
        plain = self.plain(night)
        if plain is not None:
            self.judge.version(night.partition, plain)
        if manifest is None:
            assert plain is None, f"{night.partition}: plain files without a manifest"
            return None
        return self.judge.version(night.partition, self.lake.read(manifest))

    def plain(self, night: Night) -> pa.Table | None:
        """The plain prefix, file by file."""
        objects = self.lake.objects
        bodies = [objects.get(key) for key in objects.keys(f"{Dataset.PREDICTIONS}/{MODEL}/day={night.partition}/")]
        tables = [pq.read_table(pa.BufferReader(body[0])) for body in bodies if body]
        return pa.concat_tables(tables) if tables else None

    def clean_run(self, night: Night, version: str, shard_rows: int) -> None:
        """A run that nothing disturbs publishes the right night, in both places, whatever was before."""
        outcome = self.end(self.start(night, version, shard_rows))
        self.record.clean_runs += 1
        assert outcome.how == "published", f"the run after a fault: {outcome}"
        manifest = self.lake.require(PartitionKey(Dataset.PREDICTIONS, MODEL, "day", night.partition))
        assert manifest.generation == outcome.said, f"{manifest.generation} stands, {outcome.said} was acknowledged"
        assert self.check(night) == version
        (file,) = manifest.files
        (key,) = self.lake.objects.keys(f"{Dataset.PREDICTIONS}/{MODEL}/day={night.partition}/")
        found = self.lake.objects.get(key)
        assert found is not None
        assert hashlib.sha256(found[0]).hexdigest() == file.sha256, f"{key} is not the manifest's generation"

    def collect(self, older_than: timedelta = timedelta(0)) -> Maintained:
        """What ``maintain`` does, for any age."""
        return sweep(make_spec(1), Stores(self.direct), older_than)

    def forget_shards(self, night: Night) -> None:
        """No finished shard to take up again: the next run makes all its writes."""
        for key in list(self.lake.objects.keys(f"generations/{Dataset.PREDICTIONS}/{MODEL}/{night.partition}/shards/")):
            self.lake.objects.delete(key)

    def leftovers(self) -> set[str]:
        """Files of ``generations/`` that no manifest needs, and uploads that never ended."""
        needed = set()
        for night in self.nights:
            for dataset in (Dataset.VALIDATED, Dataset.PREDICTIONS):
                if manifest := self.lake.manifest(PartitionKey(dataset, MODEL, "day", night.partition)):
                    needed |= {file.key for file in manifest.files} | set(manifest.provenance.get("shards", ()))
                    needed |= {sample["key"] for sample in [manifest.provenance.get("sample")] if sample}
        stems = {key.rpartition(".")[0] for key in needed}
        files = {key for key in self.lake.objects.keys("generations/") if key.rpartition(".")[0] not in stems}
        return files | {f"upload of {upload.key}" for upload in self.lake.objects.incomplete_uploads("")}

    def readers(self) -> Readers:
        """One of each kind, polling until stopped."""
        return Readers(self.direct, self.nights)

    def judge_readers(self, tallies: list[Tally]) -> None:
        """What readers saw that must not be."""
        self.record.violations += [f"{tally.reader}: {what}" for tally in tallies for what in tally.violations]
