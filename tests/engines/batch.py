"""AWS Batch on this machine: moto keeps queue, definition and jobs, and what moto would only mark as done is run here.

A job's command runs as a process of its own, with the environment that Batch would give its container: the
definition's, what the submission puts over it, the secrets that the definition names, and the role's keys. A process
that ends badly is tried again as the submission says.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.batch.models import Job
from moto.batch.responses import BatchResponse
from moto.batch_simple.models import BatchSimpleBackend
from moto.core.models import default_user_config
from moto.server import ThreadedMotoServer

from nightshift.engines import on_aws_batch

DEFINITION = Path(__file__).parents[2] / "deploy" / "aws-batch" / "job-definition.json"
KEYS = {"aws_access_key_id": "of-batch", "aws_secret_access_key": "of-batch"}
REGION = "us-east-1"
WORKERS = 2
KILLED = 128
ROLE = ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""What a job role gives, without a word in the definition."""


@dataclass
class BatchHere:
    """What runs; ``secrets`` are by the names that a definition gives them, ``commands`` what was started so far."""

    secrets: Mapping[str, str]
    strategies: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, jobs: dict[str, Job], job: Job, is_alone: bool) -> None:
        """A job as it is submitted; the parent of an array runs nothing itself."""
        jobs[job.job_id] = job
        if is_alone:
            self.pool.submit(self._work, jobs, job)

    def _work(self, jobs: dict[str, Job], job: Job) -> None:
        parent = jobs.get(job.job_id.partition(":")[0], job)
        job.status = "RUNNING"
        code = self._tried(job, parent)
        job.exit_code = code
        if code:
            job.job_stopped_reason = "Essential container in task exited"
        with self.lock:
            job._mark_stopped(success=code == 0)
            self._end_array(parent)

    def _end_array(self, parent: Job) -> None:
        children = parent._child_jobs or []
        if children and all(child.job_stopped for child in children):
            parent._mark_stopped(success=all(child.status == "SUCCEEDED" for child in children))

    def _tried(self, job: Job, parent: Job) -> int:
        strategy = self.strategies[job.job_name]
        final = {rule["onExitCode"] for rule in strategy["evaluateOnExit"] if rule["action"] == "EXIT"}
        for attempt in range(1, strategy["attempts"] + 1):
            code = self._run(job, parent, attempt)
            if code == 0 or str(code) in final:
                break
        return code

    def _run(self, job: Job, parent: Job, attempt: int) -> int:
        if job.stop or parent.stop:
            return KILLED
        container = job.describe()["container"]
        properties = job.job_definition.container_properties
        told = {each["name"]: each["value"] for each in container["environment"]}
        hidden = {each["name"]: self.secrets[each["name"]] for each in properties["secrets"]}
        environment = {"PATH": os.environ["PATH"], **_role(), **told, **hidden}
        environment |= {"AWS_BATCH_JOB_ID": job.job_id, "AWS_BATCH_JOB_ATTEMPT": str(attempt)}
        if "index" in job.array_properties:
            environment["AWS_BATCH_JOB_ARRAY_INDEX"] = str(job.array_properties["index"])
        program, *words = container["command"]
        assert program == "python"
        self.started.append(job.job_id)
        process = subprocess.Popen([sys.executable, "-W", "ignore", *words], env=environment)
        while process.poll() is None:
            if job.stop or parent.stop:
                process.kill()
            time.sleep(0.05)
        return process.returncode if process.returncode >= 0 else KILLED - process.returncode


def _role() -> dict[str, str]:
    return {name: os.environ[name] for name in ROLE if name in os.environ}


@contextmanager
def batch_here(environment: Mapping[str, str], secrets: Mapping[str, str]) -> Iterator[BatchHere]:
    """A queue and our own definition, with this machine's ``environment``; the launcher's variables name them."""
    here = BatchHere(secrets)
    submit = BatchResponse.submitjob

    def with_strategy(response: BatchResponse) -> str:
        here.strategies[response._get_param("jobName")] = response._get_param("retryStrategy")
        return submit(response)

    def run_it(backend: BatchSimpleBackend, include_start_attempt: bool, job: Job) -> None:
        here.begin(backend.backend._jobs, job, include_start_attempt)

    server = ThreadedMotoServer(port=0, verbose=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(default_user_config, "batch", {"use_docker": False})
        patch.setattr(on_aws_batch, "LONGEST_WAIT", 0.5)
        patch.setattr(on_aws_batch, "FIRST_WAIT", 0.25)
        patch.setattr(BatchResponse, "submitjob", with_strategy)
        patch.setattr(BatchSimpleBackend, "_mark_job_as_finished", run_it)
        server.start()
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL_BATCH", f"http://{host}:{port}")
        _set_up(f"http://{host}:{port}", environment)
        patch.setenv("NIGHTSHIFT_BATCH_QUEUE", "nights")
        patch.setenv("NIGHTSHIFT_BATCH_JOB_DEFINITION", "nightshift-score")
        try:
            yield here
        finally:
            here.pool.shutdown()
            server.stop()
            # Of a process, not of a server: the next module's would find this one's role and queue.
            for service in ("batch", "iam"):
                get_backend(service).reset()


def _set_up(endpoint: str, environment: Mapping[str, str]) -> None:
    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=endpoint, region_name=REGION, **KEYS)

    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = client("iam").create_role(RoleName="batch", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    batch = client("batch")
    batch.create_compute_environment(computeEnvironmentName="here", type="UNMANAGED", state="ENABLED", serviceRole=role)
    order = [{"order": 1, "computeEnvironment": "here"}]
    batch.create_job_queue(jobQueueName="nights", state="ENABLED", priority=1, computeEnvironmentOrder=order)
    definition = json.loads(DEFINITION.read_text())
    container = definition["containerProperties"]
    told = {each["name"]: each["value"] for each in container["environment"]} | dict(environment)
    container["environment"] = [{"name": name, "value": value} for name, value in told.items()]
    batch.register_job_definition(**definition)
