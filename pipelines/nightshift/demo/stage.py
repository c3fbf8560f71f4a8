"""From an empty machine to the summary."""

import os
import time
from collections.abc import Mapping

from rich.console import Console

from nightshift.demo.airflow_api import AirflowApi
from nightshift.demo.board import Board
from nightshift.demo.chain import CHAIN, BackfilledNights, ReplayedNights
from nightshift.demo.nights import MODEL
from nightshift.demo.script import Act, FirstChampion
from nightshift.demo.view import View
from nightshift.demo.watch import play, wait_for_dags
from nightshift.errors import NightshiftError, UsageError
from nightshift.extras import require
from nightshift.stack import Stack
from nightshift.stack.environment import enter
from nightshift.stack.show import Progress, print_access
from nightshift.terminal import open_console

LEFT_UP = "the services stay up: `make down` stops them, `make demo` goes on from here"
RUNNING_LOGS = "those of scheduler and workers, with Compose `docker compose logs scheduler worker`"
ACCESS = ("NIGHTSHIFT_AIRFLOW_URL", "NIGHTSHIFT_AIRFLOW_USER", "NIGHTSHIFT_AIRFLOW_PASSWORD", "AWS_ACCESS_KEY_ID")
"""What the environment has to say of services that somebody else started."""


def perform(stack: Stack) -> None:
    """Start what does not run, play the acts, show what came of them. Raises ``NightshiftError``."""
    require("train", "the demo")
    console = open_console()
    began = time.monotonic()
    with Progress() as progress:
        started = stack.up(on_event=progress.on_event)
    print_access(stack, already=not started)
    enter(stack.env())
    _play(stack.env(), str(stack.home / "logs"), console, began, LEFT_UP)


def perform_on_running() -> None:
    """The acts on services that run already, as the environment names them. Raises ``NightshiftError``."""
    require("train", "the demo")
    missing = [name for name in ACCESS if not os.environ.get(name)]
    if missing:
        raise UsageError(
            f"the environment does not say {', '.join(missing)}",
            fix="with Compose, `make demo STACK=compose`, which asks it; elsewhere export what `nightshift env` prints",
        )
    _play(os.environ, RUNNING_LOGS, open_console(), time.monotonic(), "played again, it goes on from here")


def _play(env: Mapping[str, str], logs: str, console: Console, began: float, after: str) -> None:
    try:
        board, last = _acts(env, logs, console)
        _end(env, console, board, last)
    except (KeyboardInterrupt, NightshiftError):
        console.print(f"\n{after}", highlight=False, soft_wrap=True)
        raise
    seconds = time.monotonic() - began
    text = f"the whole loop took {seconds:.0f} s; {after}"
    console.print(f"\n{text}", highlight=False, soft_wrap=True)


def _acts(env: Mapping[str, str], logs: str, console: Console) -> tuple[Board, ReplayedNights]:
    api = _api(env)
    api.log_in()
    wait_for_dags(api, {f"{MODEL}.{verb}" for verb in (*CHAIN, "train", "retrain")})
    board = Board()
    last = ReplayedNights(api, MODEL)
    acts: tuple[Act, ...] = (
        FirstChampion(api, MODEL),
        BackfilledNights(api, MODEL),
        last,
    )
    for number, act in enumerate(acts, start=1):
        with View(console, f"Act {number}: {act.title}") as view:
            play(act, api, board, view, logs)
    return board, last


def _api(env: Mapping[str, str]) -> AirflowApi:
    return AirflowApi(
        url=env["NIGHTSHIFT_AIRFLOW_URL"],
        user=env["NIGHTSHIFT_AIRFLOW_USER"],
        password=env["NIGHTSHIFT_AIRFLOW_PASSWORD"],
        model=MODEL,
    )


def _end(env: Mapping[str, str], console: Console, board: Board, last: ReplayedNights) -> None:
    from nightshift.demo.findings import gather
    from nightshift.demo.summary import show
    from nightshift.settings import settings
    from nightshift.spec import find_spec
    from nightshift.stores import Stores

    stack_settings = settings()
    spec = find_spec(stack_settings.models, MODEL)
    nights = board.nights(f"{MODEL}.monitor")
    retrain = last.retrain(board)
    run_id = retrain.run_id if retrain else None
    findings = gather(spec, Stores(stack_settings), nights, run_id)
    show(console, findings, MODEL, env)
    if retrain is None:
        raise NightshiftError(
            f"the loop did not close: no retrain in {len(nights)} nights",
            fix="replay other nights: nightshift/demo/nights.py, or a stricter policy in model.yaml",
        )
