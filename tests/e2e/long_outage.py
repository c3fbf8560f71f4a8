"""A service away for five minutes in the middle of a night, under a real Airflow: it ends well without a person.

By hand, since it takes a quarter of an hour for each task:
``python -m tests.e2e.long_outage [--service s3] [--task ingest.ingest] [--seconds 300]``.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nightshift.demo.airflow_api import AirflowApi
from nightshift.spec import load_spec
from nightshift.stack import Ports, Stack, processes
from nightshift.steps.load import window

MODEL, NIGHT = "flight_delays", "2013-04-01"
CHAIN = ("ingest", "validate", "predict", "monitor")
REPOSITORY = Path(__file__).parents[2]
PATIENCE_S = 40 * 60


def fill(stack: Stack, *what: str) -> None:
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("fill.py")), *what]
    subprocess.run(command, env={**os.environ, **stack.env()}, check=True)


def airflow(stack: Stack) -> AirflowApi:
    env = stack.env()
    user, password = env["NIGHTSHIFT_AIRFLOW_USER"], env["NIGHTSHIFT_AIRFLOW_PASSWORD"]
    api = AirflowApi(env["NIGHTSHIFT_AIRFLOW_URL"], user, password, MODEL)
    api.log_in()
    return api


def stop(stack: Stack, service: str) -> None:
    running = processes.recall(stack.records, service)
    assert running is not None
    processes.stop([running])
    processes.forget(stack.records, service)


def wait_for(api: AirflowApi, task: str) -> None:
    """Until the task runs, or waits to."""
    end = time.monotonic() + PATIENCE_S
    while not any(f"{live.dag.removeprefix(api.prefix)}.{live.name}" == task for live in api.live_tasks()):
        assert time.monotonic() < end, f"{task} never ran"
        time.sleep(0.2)


def wait_for_the_night(api: AirflowApi) -> None:
    """Until the last run of the chain ended; a failed one ends it all."""
    end = time.monotonic() + PATIENCE_S
    states: dict[str, str] = {}
    while states.get(CHAIN[-1]) != "success":
        assert time.monotonic() < end, states
        for verb in CHAIN:
            for run in api.runs_of(f"{MODEL}.{verb}", NIGHT)[:1]:
                states[verb] = run["state"]
        assert "failed" not in states.values(), states
        time.sleep(5)
    print(states)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--service", default="s3", choices=["s3", "mlflow"])
    parser.add_argument("--task", default="ingest.ingest")
    parser.add_argument("--seconds", type=float, default=300)
    asked = parser.parse_args()
    spec = load_spec(REPOSITORY / "models" / MODEL / "model.yaml")
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(home=Path(folder) / "home", project=REPOSITORY, ports=Ports.free())
        try:
            stack.up()
            fill(stack, "load", *window(spec, NIGHT))
            fill(stack, "train", NIGHT)
            api = airflow(stack)
            for verb in CHAIN:
                api.unpause(f"{MODEL}.{verb}")
            api.trigger(f"{MODEL}.ingest", "long_outage", NIGHT)
            wait_for(api, asked.task)
            stop(stack, asked.service)
            print(f"{asked.service} is away for {asked.seconds:.0f} s", flush=True)
            time.sleep(asked.seconds)
            stack.up()
            wait_for_the_night(api)
        finally:
            stack.down()


if __name__ == "__main__":
    main()
