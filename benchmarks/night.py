"""``night.vs_empty_chain``: one real night through Airflow, beside a chain of empty tasks of the same shape."""

import time
from datetime import datetime
from statistics import median
from typing import Any

from benchmarks.world import MODEL, World
from nightshift.demo.airflow_api import AirflowApi

PAIRS = 5
FIRST_DAY = 1
PATIENCE_S = 300


def figures(world: World) -> dict[str, float]:
    """Wall time of validate, predict and monitor; pairs alternate, so noise of the machine meets both."""
    world.start_airflow()
    assert world.pin
    real = _api(world, MODEL)
    empty = _api(world, "empty")
    _warm_up(real, empty)
    ratios, seconds = [], []
    for pair in range(PAIRS):
        night = f"2013-04-{FIRST_DAY + 1 + pair:02d}"
        theirs, ours = _chain(empty, "empty", night), _chain(real, MODEL, night)
        world.console.print(f"{night}: real {ours:.1f} s, empty {theirs:.1f} s")
        ratios.append(ours / theirs)
        seconds.append(ours)
    return {"night.vs_empty_chain": median(ratios), "night.seconds": median(seconds)}


def _warm_up(real: AirflowApi, empty: AirflowApi) -> None:
    night = f"2013-04-{FIRST_DAY:02d}"
    _chain(empty, "empty", night)
    _chain(real, MODEL, night)


def _chain(api: AirflowApi, model: str, night: str) -> float:
    """Seconds from the queueing of validate to the end of monitor for one night."""
    api.trigger(f"{model}.ingest", f"bench__{night}", night)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        time.sleep(1)
        runs = {verb: _run(api, f"{model}.{verb}", night) for verb in ("validate", "monitor")}
        if runs["monitor"] and runs["monitor"]["state"] in {"success", "failed"}:
            assert runs["monitor"]["state"] == "success", runs["monitor"]
            return (_moment(runs["monitor"]["end_date"]) - _moment(runs["validate"]["queued_at"])).total_seconds()
    raise TimeoutError(f"{model} {night} was not monitored within {PATIENCE_S} s")


def _run(api: AirflowApi, dag: str, night: str) -> dict[str, Any] | None:
    found = api.runs_of(dag, night)
    return found[0] if found else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _api(world: World, model: str) -> AirflowApi:
    here = world.settings
    assert here.airflow_url
    assert here.airflow_password
    api = AirflowApi(here.airflow_url, here.airflow_user, here.airflow_password.get_secret_value(), model)
    api.log_in()
    return api
