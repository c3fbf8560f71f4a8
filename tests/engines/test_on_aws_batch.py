"""AWS Batch as an engine: who takes over, who gives up, and what a submission says. Workers are real processes."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from nightshift.engines import batch_jobs, on_aws_batch
from nightshift.engines.batch_jobs import BatchJobs
from nightshift.engines.calls import LaunchedCalls
from nightshift.engines.on_aws_batch import OnAwsBatch, _require_bounded
from nightshift.errors import EngineUnavailable, SchemaMismatch, UsageError
from nightshift.project import PROJECT_FILE
from nightshift.settings import SEAL_KEY, settings
from nightshift.stores import Stores
from tests.engines.batch import BatchHere, batch_here
from tests.engines.batch_works import GO, doubled, refused, waits

pytestmark = pytest.mark.engines
ROOT = Path(__file__).parents[2]
SECRET = "0123456789abcdef" * 4
SOON = 120.0


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchHere]:
    """A queue, and a lake that its workers share."""
    project = tmp_path_factory.mktemp("batch")
    (project / PROJECT_FILE).write_text("format = 1\n")
    told = {
        "NIGHTSHIFT_PROJECT": str(project),
        "NIGHTSHIFT_HOME": str(project / ".nightshift"),
        "NIGHTSHIFT_LAKE": "s3://lake",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": f"{ROOT / 'pipelines'}{os.pathsep}{ROOT}",
    }
    hidden = {SEAL_KEY: SECRET}
    keys = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "mine"}
    with pytest.MonkeyPatch.context() as patch, batch_here(told, hidden) as here:
        for name, value in {**told, **hidden, **keys}.items():
            patch.setenv(name, value)
        patch.setenv("AWS_ENDPOINT_URL", os.environ["AWS_ENDPOINT_URL_BATCH"])
        settings.cache_clear()
        boto3.client("s3").create_bucket(Bucket="lake")
        yield here
    settings.cache_clear()


@pytest.fixture
def jobs(batch: BatchHere) -> Callable[[], list[dict[str, Any]]]:
    """``jobs()``: all that were submitted, without the children of arrays."""
    client = BatchJobs.of(settings()).client

    def described() -> list[dict[str, Any]]:
        listed = client.list_jobs(jobQueue="nights", filters=[{"name": "JOB_NAME", "values": ["nightshift*"]}])
        names = [job["jobId"] for job in listed["jobSummaryList"] if ":" not in job["jobId"]]
        everyone: list[dict[str, Any]] = client.describe_jobs(jobs=names)["jobs"]
        return everyone

    return described


def wait_until(is_so: Callable[[], bool]) -> None:
    for _ in range(int(SOON / 0.05)):
        if is_so():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def launches() -> list[str]:
    return list(Stores(settings()).lake.objects.keys("launches/"))


def test_results_come_in_order_and_nothing_stays_behind(batch: BatchHere, jobs: Callable[..., Any]) -> None:
    assert OnAwsBatch().run(doubled, [3, 1, 2]) == [6, 2, 4]
    assert jobs()[-1]["arrayProperties"]["size"] == 3
    assert launches() == []


def test_one_call_is_a_plain_job_since_an_array_has_two_or_more(batch: BatchHere, jobs: Callable[..., Any]) -> None:
    assert OnAwsBatch().run(doubled, [21]) == [42]
    assert "arrayProperties" not in jobs()[-1]


def test_an_error_of_a_call_is_a_result_of_its_kind(batch: BatchHere) -> None:
    first, second = OnAwsBatch().run(refused, [0, 7])
    assert first == 0
    assert isinstance(second, SchemaMismatch)
    assert (second.message, second.fix) == ("column 7 is missing", "mend it")


def test_a_driver_that_takes_over_finds_the_job_that_still_works(
    batch: BatchHere, jobs: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, begun = len(jobs()), len(batch.started)
    command = [sys.executable, "-W", "ignore", "-m", "tests.engines.batch_driver", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT) as driver:
        wait_until((tmp_path / "two").exists)
        driver.kill()
    status = BatchJobs.status

    def status_then_go(jobs: BatchJobs, job: str) -> str:
        # Its work ends once it was found: on a busy machine it would be over before anybody looked.
        (tmp_path / GO).touch()
        return status(jobs, job)

    monkeypatch.setattr(BatchJobs, "status", status_then_go)
    assert OnAwsBatch().run(waits, [str(tmp_path / "one"), str(tmp_path / "two")]) == ["one", "two"]
    assert len(jobs()) == before + 1
    assert len(batch.started) == begun + 2


def test_a_driver_that_cannot_wait_any_longer_ends_its_job(
    batch: BatchHere, jobs: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: float) -> None:
        wait_until((tmp_path / "one").exists)
        raise KeyboardInterrupt

    monkeypatch.setattr(on_aws_batch, "time", SimpleNamespace(sleep=interrupted))
    with pytest.raises(KeyboardInterrupt):
        OnAwsBatch().run(waits, [str(tmp_path / "one")])
    wait_until(lambda: jobs()[-1]["status"] == "FAILED")


def test_a_worker_with_another_seal_key_is_tried_once_and_is_one_clear_error(batch: BatchHere) -> None:
    begun = len(batch.started)
    batch.secrets = {SEAL_KEY: "f" * 64}
    with pytest.raises(EngineUnavailable, match=r"cannot make one of 2 calls, as its log says: .*exit code 2") as error:
        OnAwsBatch().run(doubled, [5, 6])
    batch.secrets = {SEAL_KEY: SECRET}
    assert len(batch.started) == begun + 2
    assert str(error.value.fix).startswith("aws batch describe-jobs --jobs ")
    # The next try is another job, and no outcome of this one is its.
    assert OnAwsBatch().run(doubled, [5, 6]) == [10, 12]


def test_a_submission_has_a_digest_and_no_secret(batch: BatchHere, jobs: Callable[..., Any]) -> None:
    OnAwsBatch().run(doubled, [8])
    text = json.dumps(jobs()[-1], default=str)
    assert "NIGHTSHIFT_LAUNCH" in text
    assert SECRET not in text
    assert "mine" not in text


def test_without_a_queue_it_is_said_before_anything_is_written(
    batch: BatchHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NIGHTSHIFT_BATCH_QUEUE")
    settings.cache_clear()
    with pytest.raises(UsageError, match="needs NIGHTSHIFT_BATCH_QUEUE and NIGHTSHIFT_BATCH_JOB_DEFINITION"):
        OnAwsBatch().run(doubled, [1])
    settings.cache_clear()


def test_a_queue_that_is_not_there_is_a_persons_to_mend(batch: BatchHere) -> None:
    jobs = BatchJobs(BatchJobs.of(settings()).client, "elsewhere", "nightshift-score")
    with pytest.raises(UsageError, match=r"refused a request about queue elsewhere: .*does not exist"):
        jobs.running("nightshift-1")


def test_a_batch_that_cannot_be_reached_is_worth_another_try(batch: BatchHere, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(batch_jobs.ENDPOINT, "http://127.0.0.1:9")
    monkeypatch.setattr(batch_jobs, "REQUEST_TRIES", 1)
    with pytest.raises(EngineUnavailable, match="cannot be reached for queue nights"):
        OnAwsBatch().run(doubled, [1])


def test_more_calls_than_an_array_has_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 10,000 calls"):
        _require_bounded(LaunchedCalls(work="a:b", items=[0] * 10_001))
