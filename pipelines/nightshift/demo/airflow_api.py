"""A small client of Airflow's REST API: trigger, backfill, clear, and look."""

import dataclasses
import datetime as dt
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from nightshift.demo.board import LIVE, BoardRun, BoardTask
from nightshift.errors import StackError

TIMEOUT_S = 60
PAGE = 100
CONFLICT = 409
OVERLAP_S = 15


class AirflowApi:
    """Airflow at one address, as one user, looking at the Dags of one model."""

    def __init__(self, url: str, user: str, password: str, model: str) -> None:
        self.url = url.rstrip("/")
        self.prefix = f"{model}."
        self._user = {"username": user, "password": password}
        self._http = _session()
        self._asked: float | None = None

    def log_in(self) -> None:
        """Get a token. Raises ``StackError``."""
        response = self._call("POST", "/auth/token", json=self._user)
        token = response.json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def dags(self) -> dict[str, bool]:
        """The model's Dags that Airflow knows, and whether each is paused."""
        page = self._get("/dags", dag_id_pattern=self.prefix, limit=PAGE)
        is_paused = {}
        for dag in page["dags"]:
            if dag["dag_id"].startswith(self.prefix):
                is_paused[dag["dag_id"]] = dag["is_paused"]
        return is_paused

    def import_errors(self) -> list[str]:
        """Last lines of what Airflow says of Dag files that it cannot read."""
        page = self._get("/importErrors", limit=PAGE)
        errors = []
        for error in page["import_errors"]:
            last_line = error["stack_trace"].strip().splitlines()[-1]
            errors.append(f"{error['filename']}: {last_line}")
        return errors

    def unpause(self, dag: str) -> None:
        """Let the scheduler run a Dag."""
        self._call("PATCH", f"/api/v2/dags/{dag}", json={"is_paused": False})

    def trigger(self, dag: str, run_id: str, partition: str) -> BoardRun:
        """Start a run for a night under a fixed id; one that is there already is left alone."""
        body = {
            "dag_run_id": run_id,
            "logical_date": None,
            "partition_key": partition,
        }
        self._call("POST", f"/api/v2/dags/{dag}/dagRuns", json=body, allowed=CONFLICT)
        return BoardRun(dag, run_id, "queued", partition)

    def backfill(self, dag: str, first: str, last: str, side_by_side: int) -> bool:
        """A native backfill of all nights from first to last; False when another backfill runs."""
        body = {
            "dag_id": dag,
            **backfill_window(first, last),
            "reprocess_behavior": "none",
            "max_active_runs": side_by_side,
        }
        response = self._call("POST", "/api/v2/backfills", json=body, allowed=CONFLICT)
        return response.status_code != CONFLICT

    def clear(self, run: BoardRun) -> BoardRun:
        """Run the failed tasks of a run once more, and what came after them."""
        body = {"dry_run": False, "only_failed": True}
        self._call("POST", f"/api/v2/dags/{run.dag}/dagRuns/{run.run_id}/clear", json=body)
        return dataclasses.replace(run, state="queued")

    def changed_runs(self) -> list[BoardRun]:
        """Runs that changed since the last call; all of them at the first."""
        query = {}
        if self._asked is not None:
            query["updated_at_gte"] = _iso(self._asked - OVERLAP_S)
        self._asked = time.time()
        items = self._pages("/dags/~/dagRuns", "dag_runs", **query)
        return [_run(item) for item in items]

    def runs_of(self, dag: str, partition: str) -> list[dict[str, Any]]:
        """The runs of one Dag for one night as Airflow tells them, newest first."""
        page = self._get(
            f"/dags/{dag}/dagRuns",
            partition_key_pattern=partition,
            order_by="-run_after",
        )
        return list(page["dag_runs"])

    def live_tasks(self) -> list[BoardTask]:
        """Tasks that run or wait now."""
        return self._tasks("~", "~", LIVE)

    def failed_tasks(self, run: BoardRun) -> list[BoardTask]:
        """Tasks that failed in a run."""
        return self._tasks(run.dag, run.run_id, ("failed",))

    def log(self, task: BoardTask) -> list[dict[str, Any]]:
        """The log records of a task's last attempt."""
        path = f"/dags/{task.dag}/dagRuns/{task.run_id}/taskInstances/{task.name}/logs/{task.attempt}"
        log = self._get(path, map_index=task.map_index, full_content=True)
        return [_record(line) for line in log["content"]]

    def page_of(self, run: BoardRun) -> str:
        """A run in Airflow's UI."""
        return f"{self.url}/dags/{run.dag}/runs/{run.run_id}"

    def _tasks(self, dag: str, run_id: str, states: tuple[str, ...]) -> list[BoardTask]:
        path = f"/dags/{dag}/dagRuns/{run_id}/taskInstances"
        items = self._pages(path, "task_instances", state=states)
        return [_task(item) for item in items]

    def _pages(self, path: str, key: str, **query: Any) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        while True:
            query |= {
                "dag_id_prefix_pattern": self.prefix,
                "limit": PAGE,
                "offset": len(items),
                "order_by": "id",
            }
            page = self._get(path, **query)[key]
            items += page
            if len(page) < PAGE:
                return items

    def _get(self, path: str, **query: Any) -> Any:
        response = self._call("GET", f"/api/v2{path}", params=query)
        return response.json()

    def _call(
        self,
        verb: str,
        path: str,
        allowed: int | None = None,
        **options: Any,
    ) -> requests.Response:
        try:
            response = self._http.request(verb, self.url + path, timeout=TIMEOUT_S, **options)
        except requests.RequestException as error:
            raise StackError(
                f"Airflow at {self.url} does not answer: {error}",
                fix="nightshift status",
            ) from error
        if response.ok or response.status_code == allowed:
            return response
        raise StackError(
            f"Airflow answered {response.status_code} to {verb} {path}: {response.text[:500]}",
            fix="nightshift status",
        )


def _session() -> requests.Session:
    # Every call may be repeated: run ids are fixed, and a second backfill is refused.
    retry = Retry(
        5,
        backoff_factor=0.5,
        status_forcelist=[500, 502, 503, 504],  # 500 is what a busy SQLite looks like
        allowed_methods=None,
        raise_on_status=False,
    )
    session = requests.Session()
    # By these names: of several that fit an address the longest counts, and requests has these itself.
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def backfill_window(first: str, last: str) -> dict[str, str]:
    """The bounds of a backfill; Airflow reads their wall clock in the schedule's own time zone."""
    return {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T23:59:59Z"}


def _iso(moment: float) -> str:
    moment_in_utc = dt.datetime.fromtimestamp(moment, dt.UTC)
    return moment_in_utc.isoformat()


def _record(line: Any) -> dict[str, Any]:
    if isinstance(line, dict):
        return line
    return {"event": str(line)}


def _run(item: dict[str, Any]) -> BoardRun:
    configuration = item["conf"] or {}
    return BoardRun(
        dag=item["dag_id"],
        run_id=item["dag_run_id"],
        state=item["state"],
        partition=item["partition_key"] or configuration.get("partition"),
        by=item["triggered_by"] or "",
        queued=item["queued_at"] or "",
    )


def _task(item: dict[str, Any]) -> BoardTask:
    began = item["start_date"]
    return BoardTask(
        dag=item["dag_id"],
        run_id=item["dag_run_id"],
        name=item["task_id"],
        state=item["state"],
        started=dt.datetime.fromisoformat(began).timestamp() if began else None,
        map_index=item["map_index"],
        attempt=item["try_number"],
    )
