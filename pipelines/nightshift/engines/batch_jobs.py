"""The jobs of a queue of AWS Batch, by boto3's client."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from nightshift.engines.launcher import ONE_CORE, TRIES
from nightshift.engines.worker import LAUNCH, MISTAKE
from nightshift.errors import EngineUnavailable, UsageError
from nightshift.s3.client import credentials
from nightshift.settings import Settings

QUEUE = "NIGHTSHIFT_BATCH_QUEUE"
DEFINITION = "NIGHTSHIFT_BATCH_JOB_DEFINITION"
ENDPOINT = "AWS_ENDPOINT_URL_BATCH"
ENDED = {"SUCCEEDED", "FAILED"}
LEAST_ARRAY = 2
REQUEST_TRIES = 8
TOO_MANY = 429
SERVER = 500
NOT_NOW = frozenset({"RequestTimeout", "RequestTimeoutException", "Throttling", "ThrottlingException"})
"""Codes of AWS that come with the status of a person's mistake, and are none."""
TRIED = [{"onExitCode": str(MISTAKE), "action": "EXIT"}]


@dataclass(frozen=True)
class BatchFailure:
    """Why Batch gave up, in its own words, by the job or the child of an array that failed."""

    job: str
    reason: str
    exit_code: int | None


@dataclass(frozen=True)
class BatchJobs:
    """Those of one queue and one job definition."""

    client: Any
    queue: str
    definition: str

    @classmethod
    def of(cls, place: Settings) -> Self:
        """By the settings. Raises ``UsageError`` where they name no queue or no job definition."""
        if not (place.batch_queue and place.batch_job_definition):
            raise UsageError(
                f"scoring on AWS Batch needs {QUEUE} and {DEFINITION}, and one is not set",
                fix="docs/engines.md says how to make both; or give the engine airflow",
            )
        return cls(_connect(place), place.batch_queue, place.batch_job_definition)

    def running(self, name: str) -> str | None:
        """The id of a job of this name that has not ended, whoever submitted it."""
        pages = self.client.get_paginator("list_jobs")
        with _explained(self.queue):
            for page in pages.paginate(jobQueue=self.queue, filters=[{"name": "JOB_NAME", "values": [name]}]):
                for job in page["jobSummaryList"]:
                    # The children of an array are called after it: JOB:INDEX.
                    if job["status"] not in ENDED and ":" not in job["jobId"]:
                        return str(job["jobId"])
        return None

    def submit(self, name: str, digest: str, calls: int) -> str:
        """A job of so many calls; one alone is no array."""
        array = {"arrayProperties": {"size": calls}} if calls >= LEAST_ARRAY else {}
        told = {LAUNCH: digest, **ONE_CORE}
        with _explained(self.queue):
            submitted = self.client.submit_job(
                jobName=name,
                jobQueue=self.queue,
                jobDefinition=self.definition,
                containerOverrides={"environment": [{"name": key, "value": value} for key, value in told.items()]},
                retryStrategy={"attempts": TRIES, "evaluateOnExit": TRIED},
                **array,
            )
        return str(submitted["jobId"])

    def status(self, job: str) -> str:
        """As Batch calls it."""
        return str(self._described(job)["status"])

    def end(self, job: str, reason: str) -> None:
        """A job and all of its children, those that run too."""
        with _explained(self.queue):
            self.client.terminate_job(jobId=job, reason=reason)

    def failure(self, job: str) -> BatchFailure:
        """Of the first that failed."""
        with _explained(self.queue):
            children = self.client.list_jobs(arrayJobId=job, jobStatus="FAILED")["jobSummaryList"]
        failed = children[0] if children else self._described(job)
        container = failed.get("container", {})
        code = container.get("exitCode")
        reasons = [failed.get("statusReason"), container.get("reason"), None if code is None else f"exit code {code}"]
        reason = ", ".join(part for part in reasons if part) or "it gives no reason"
        return BatchFailure(str(failed["jobId"]), reason, code)

    def _described(self, job: str) -> dict[str, Any]:
        with _explained(self.queue):
            jobs: list[dict[str, Any]] = self.client.describe_jobs(jobs=[job])["jobs"]
        if not jobs:
            raise EngineUnavailable(
                f"AWS Batch does not know job {job} of queue {self.queue} any more",
                fix=f"aws batch list-jobs --job-queue {self.queue}; a new try submits it again",
            )
        return jobs[0]


def _connect(place: Settings) -> Any:
    import boto3
    from botocore.config import Config

    return boto3.Session().client(
        "batch",
        # AWS_ENDPOINT_URL is where S3 is.
        endpoint_url=os.environ.get(ENDPOINT),
        **credentials(place),
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "total_max_attempts": REQUEST_TRIES},
            ignore_configured_endpoint_urls=True,
        ),
    )


@contextmanager
def _explained(queue: str) -> Iterator[None]:
    """Requests inside. Raises ``UsageError`` for what a person has to mend, else ``EngineUnavailable``."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

    look = f"aws batch describe-job-queues --job-queues {queue}"
    try:
        yield
    except ClientError as error:
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        answer = error.response.get("Error", {})
        refusal = f"{answer.get('Code')}: {answer.get('Message')}"
        if status < SERVER and status != TOO_MANY and answer.get("Code") not in NOT_NOW:
            raise UsageError(f"AWS Batch refused a request about queue {queue}: {refusal}", fix=look) from error
        raise EngineUnavailable(f"AWS Batch does not answer for queue {queue}: {refusal}", fix=look) from error
    except NoCredentialsError as error:
        raise UsageError(
            "there are no AWS keys and no role for AWS Batch", fix="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from error
    except BotoCoreError as error:
        raise EngineUnavailable(f"AWS Batch cannot be reached for queue {queue}: {error}", fix=look) from error
