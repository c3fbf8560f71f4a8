"""AWS Batch: an array job with an index for each call, whose containers share the lake with who submits it.

What workers are to do lies in the lake under the digest of itself, and the job is named by that: a driver that takes
over from one that died finds the job which still works for it.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from nightshift.concurrency import ordered_map
from nightshift.engines.batch_jobs import BatchJobs
from nightshift.engines.calls import CallOutcome, LaunchedCalls, read, written
from nightshift.engines.launcher import TRIES, Item, Result
from nightshift.engines.worker import MISTAKE
from nightshift.errors import EngineUnavailable, UsageError
from nightshift.settings import settings
from nightshift.stores import Stores, layout
from nightshift.stores.objects import Objects
from nightshift.stores.records import MOST_RECORD_BYTES
from nightshift.stores.seals import Seals

MOST_CALLS = 10_000
"""Of an array, by AWS's own limit."""
FIRST_WAIT = 1.0
LONGEST_WAIT = 15.0
"""Seconds between two looks at a job; each is twice the one before."""
AT_ONCE = 16


class OnAwsBatch:
    """A container to each call."""

    def run(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """As ``Launcher``."""
        place = settings()
        jobs = BatchJobs.of(place)
        calls = written(work, items)
        _require_bounded(calls)
        objects = Stores(place).lake.objects
        seals = Seals.of(place)
        key = layout.launched_calls(calls.digest)
        objects.put_record(key, calls.under_seal(seals, key))
        name = _name(calls.digest)
        job = jobs.running(name) or jobs.submit(name, calls.digest, len(items))
        outcomes = self._awaited(jobs, job, calls, objects, seals)
        return [read(work, outcome) for outcome in outcomes]

    def _awaited(
        self, jobs: BatchJobs, job: str, calls: LaunchedCalls, objects: Objects, seals: Seals
    ) -> list[CallOutcome]:
        """What came of all calls; a job whose driver cannot wait any longer is ended."""
        try:
            _wait_for(jobs, job, len(calls.items))
            outcomes = _outcomes(job, calls, objects, seals)
        except EngineUnavailable:
            raise
        except BaseException:
            jobs.end(job, "its driver gave up waiting")
            raise
        launch = layout.launch(calls.digest)
        # Workers of another driver's job have yet to read what they are to do.
        is_over = jobs.running(_name(calls.digest)) is None
        for key in objects.keys(launch if is_over else f"{launch}{job}/"):
            objects.delete(key)
        return outcomes


def _name(digest: str) -> str:
    return f"nightshift-{digest}"


def _require_bounded(calls: LaunchedCalls) -> None:
    count = len(calls.items)
    if count <= MOST_CALLS and len(calls.to_json()) <= MOST_RECORD_BYTES:
        return
    raise UsageError(
        f"AWS Batch takes at most {MOST_CALLS:,} calls in an array, of {MOST_RECORD_BYTES:,} bytes together: there are"
        f" {count:,}",
        fix="raise predict.shard_rows in model.yaml",
    )


def _wait_for(jobs: BatchJobs, job: str, count: int) -> None:
    """Until all calls were made. Raises ``EngineUnavailable`` where Batch gave up on one."""
    for seconds in _waits():
        status = jobs.status(job)
        if status == "SUCCEEDED":
            return
        if status == "FAILED":
            raise _gave_up(jobs, job, count)
        time.sleep(seconds)


def _waits() -> Iterator[float]:
    seconds = FIRST_WAIT
    while True:
        yield seconds
        seconds = min(2 * seconds, LONGEST_WAIT)


def _gave_up(jobs: BatchJobs, job: str, count: int) -> EngineUnavailable:
    failure = jobs.failure(job)
    gave_up = f"gave up on one of {count} calls after {TRIES} tries"
    could_not = f"has a worker that cannot make one of {count} calls, as its log says"
    what = could_not if failure.exit_code == MISTAKE else gave_up
    return EngineUnavailable(
        f"AWS Batch {what}: {failure.reason}",
        fix=f"aws batch describe-jobs --jobs {failure.job}; what is finished is kept, and a new try goes on from there",
    )


def _outcomes(job: str, calls: LaunchedCalls, objects: Objects, seals: Seals) -> list[CallOutcome]:
    def outcome_of(index: int) -> CallOutcome:
        key = layout.call_outcome(calls.digest, job, index)
        outcome = objects.get_record(key, CallOutcome)
        if outcome is None or not outcome.is_believed(seals, key):
            raise EngineUnavailable(
                f"AWS Batch says that job {job} is done, and there is no outcome of call {index} with our seal",
                fix=f"aws batch describe-jobs --jobs {job}; a new try finds what is finished",
            )
        return outcome

    return list(ordered_map(outcome_of, range(len(calls.items)), AT_ONCE, AT_ONCE))
