"""Whether a service answers; plain HTTP, no client libraries."""

import http.client
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from nightshift.stack.ports import HOST
from nightshift.stack.processes import Running

NEVER = "1970-01-01T00:00:00+00:00"


def get(port: int, path: str, *, timeout: float = 2.0) -> tuple[int, bytes]:
    """GET from a local service; status 0 when it does not answer. Never through a proxy."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def answers(port: int, path: str, *, timeout: float = 2.0) -> bool:
    """Whether a GET of ``path`` gives 200."""
    status, _ = get(port, path, timeout=timeout)
    return status == 200


def airflow_health(port: int) -> dict[str, Any]:
    """What Airflow says of its parts; empty when it does not answer."""
    status, body = get(port, "/api/v2/monitor/health")
    if status != 200:
        return {}
    try:
        health = json.loads(body)
    except json.JSONDecodeError:
        return {}
    return health if isinstance(health, dict) else {}


def beats(port: int, part: str) -> Callable[[Running], bool]:
    """A check that ``part`` of Airflow sent a heartbeat since its process started."""

    def check(running: Running) -> bool:
        health = airflow_health(port).get(part) or {}
        if health.get("status") != "healthy":
            return False
        heartbeat = health.get(f"latest_{part}_heartbeat") or NEVER
        beat_at = datetime.fromisoformat(heartbeat).timestamp()
        # A heartbeat of the previous run looks healthy for half a minute after it was stopped.
        return beat_at > running.started - 1

    return check
