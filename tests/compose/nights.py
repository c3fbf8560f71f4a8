"""Nights by Airflow, as a person triggers them, and what becomes of them."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from nightshift.demo.airflow_api import AirflowApi
from tests.compose.lake import MODEL
from tests.compose.project import Failed, wait_for

NIGHT_S = 1200
CHAIN = ("ingest", "validate", "predict", "monitor")


class Nights:
    """Airflow of a project, seen from the host."""

    def __init__(self, access: Mapping[str, str]) -> None:
        self.api = AirflowApi(
            access["NIGHTSHIFT_AIRFLOW_URL"],
            access["NIGHTSHIFT_AIRFLOW_USER"],
            access["NIGHTSHIFT_AIRFLOW_PASSWORD"],
            MODEL,
        )
        self.api.log_in()

    def start(self, night: str, tag: str) -> None:
        """Ingest it; the rest follows by itself."""
        self.api.trigger(f"{MODEL}.ingest", f"{tag}__{night}", night)

    def state(self, night: str, verb: str = "predict") -> str:
        """How the newest run of a Dag for a night is; empty where there is none."""
        runs = self.api.runs_of(f"{MODEL}.{verb}", night)
        return str(runs[0]["state"]) if runs else ""

    def wait(self, night: str, verb: str = "predict") -> float:
        """Until a Dag's run for the night has ended well; how many seconds that took. Raises ``Failed``."""

        def is_over() -> bool:
            for each in CHAIN[: CHAIN.index(verb) + 1]:
                if self.state(night, each) == "failed":
                    raise Failed(f"{MODEL}.{each} of {night} failed")
            return self.state(night, verb) == "success"

        return wait_for(is_over, NIGHT_S, f"{MODEL}.{verb} of {night}")

    def running(self, night: str) -> list[dict[str, Any]]:
        """Task instances of the night's run of predict that run now, with the worker that each is on."""
        return [task for task in self.tries(night) if task["state"] == "running" and task["hostname"]]

    def tries(self, night: str, verb: str = "predict") -> list[dict[str, Any]]:
        """All task instances of the newest run of a Dag for a night."""
        dag = f"{MODEL}.{verb}"
        runs = self.api.runs_of(dag, night)
        if not runs:
            return []
        path = f"/dags/{dag}/dagRuns/{runs[0]['dag_run_id']}/taskInstances"
        return list(self.api._get(path, limit=100)["task_instances"])

    def errors(self, night: str) -> list[str]:
        """What the logs of the night's tasks say on the level of an error, each line once."""
        lines: dict[str, None] = {}
        for verb in CHAIN:
            for task in self.tries(night, verb):
                lines |= dict.fromkeys(self._errors_of(verb, task))
        return list(lines)

    def _errors_of(self, verb: str, task: dict[str, Any]) -> list[str]:
        texts = []
        for attempt in range(1, int(task["try_number"]) + 1):
            path = f"/dags/{MODEL}.{verb}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/logs/{attempt}"
            log = self.api._get(path, map_index=task["map_index"], full_content=True)
            texts += [
                str(line["event"]) for line in log["content"] if isinstance(line, dict) and line.get("level") == "error"
            ]
        return texts


def after(night: str, days: int = 1) -> str:
    """The night so many days later."""
    return str(dt.date.fromisoformat(night) + dt.timedelta(days=days))
