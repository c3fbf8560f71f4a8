"""From an empty machine to the summary."""

import time

from rich.console import Console

from nightshift.demo.airflow_api import AirflowApi
from nightshift.demo.board import Board
from nightshift.demo.chain import CHAIN, BackfilledNights, ReplayedNights
from nightshift.demo.nights import MODEL
from nightshift.demo.script import Act, FirstChampion
from nightshift.demo.view import View
from nightshift.demo.watch import play, wait_for_dags
from nightshift.errors import NightshiftError
from nightshift.extras import require
from nightshift.stack import Stack
from nightshift.stack.environment import enter
from nightshift.stack.show import Progress, print_access
from nightshift.terminal import open_console

LEFT_UP = "the services stay up: `make down` stops them, `make demo` goes on from here"


def perform(stack: Stack) -> None:
    """Start what does not run, play the acts, show what came of them. Raises ``NightshiftError``."""
    require("train", "the demo")
    console = open_console()
    began = time.monotonic()
    with Progress() as progress:
        started = stack.up(on_event=progress.on_event)
    print_access(stack, already=not started)
    enter(stack.env())
    try:
        board, last = _acts(stack, console)
        _end(stack, console, board, last)
    except (KeyboardInterrupt, NightshiftError):
        console.print(f"\n{LEFT_UP}", highlight=False, soft_wrap=True)
        raise
    seconds = time.monotonic() - began
    text = f"the whole loop took {seconds:.0f} s; {LEFT_UP}"
    console.print(f"\n{text}", highlight=False, soft_wrap=True)


def _acts(stack: Stack, console: Console) -> tuple[Board, ReplayedNights]:
    api = _api(stack)
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
            play(act, api, board, view, stack.home / "logs")
    return board, last


def _api(stack: Stack) -> AirflowApi:
    env = stack.env()
    return AirflowApi(
        url=env["NIGHTSHIFT_AIRFLOW_URL"],
        user=env["NIGHTSHIFT_AIRFLOW_USER"],
        password=env["NIGHTSHIFT_AIRFLOW_PASSWORD"],
        model=MODEL,
    )


def _end(stack: Stack, console: Console, board: Board, last: ReplayedNights) -> None:
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
    show(console, findings, MODEL, stack.env())
    if retrain is None:
        raise NightshiftError(
            f"the loop did not close: no retrain in {len(nights)} nights",
            fix="replay other nights: nightshift/demo/nights.py, or a stricter policy in model.yaml",
        )
