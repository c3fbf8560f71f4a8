"""``nightshift demo --tiny``: a champion and three small nights in about a minute, without Airflow's services.

The Dags of the Dag file run by ``dag.test()`` on a real SeaweedFS and MLflow. It is a project of its own, in
``tiny/`` of the home: with its own services, lake and registry, so that its model never lies beside a person's.
Played again, it goes on after the last night that was monitored.
"""

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from nightshift.demo.chain import CHAIN
from nightshift.demo.tiny_view import TinyView, aside, show_end
from nightshift.errors import NightshiftError
from nightshift.extras import require
from nightshift.stack import Event, Ports, Stack
from nightshift.stack.environment import enter
from nightshift.stack.ports import remembered_ports, taken
from nightshift.terminal import ProgressView

if TYPE_CHECKING:
    from nightshift.orchestration.rehearsal import Rehearsal
    from nightshift.spec import ModelSpec
    from nightshift.stores import Stores

TEMPLATE = Path(__file__).with_name("tiny_project")
FOLDER = "tiny"
MODEL = "orders"
SERVICES = ("s3", "mlflow")
# The ten nights before the first are the training's window: with fewer drift is measured and never alarms.
NIGHTS = ("2024-01-11", "2024-01-12", "2024-01-13")
LOG = "rehearsal.log"


def perform_tiny(home: Path) -> None:
    """Start what does not run, train, play the nights, show what came of them. Raises ``NightshiftError``."""
    require("train", "the demo")
    began = time.monotonic()
    project = _project(home / FOLDER)
    stack = _stack(project)
    os.environ.update(stack.airflow_env())
    enter(stack.env())
    log = stack.home / "logs" / LOG
    with aside(log) as console:
        try:
            with ProgressView(console) as progress:
                played = _play(stack, TinyView(progress))
        except NightshiftError:
            console.print(f"what Airflow and its tasks said: {log}")
            raise
        show_end(console, stack, *played, seconds=time.monotonic() - began)


def _play(stack: Stack, view: TinyView) -> "tuple[ModelSpec, Stores]":
    """All that was not played before."""
    # Now that the environment is there: with this Airflow is imported, and reads it.
    from nightshift.orchestration.rehearsal import Rehearsal

    rehearsal = Rehearsal(view.on_task)
    _start(stack, rehearsal, view)
    spec, stores = _opened()
    runs = _missing_runs(spec, stores)
    view.expect(len(runs))
    for verb, night in runs:
        dag = f"{spec.name}.{verb}"
        with view.run(dag, night):
            rehearsal.run(dag, night)
    return spec, stores


def stop_tiny(home: Path, on_event: Callable[[Event], None]) -> bool:
    """Stop its services, whoever started them; False when none ran."""
    project = home / FOLDER
    if not project.is_dir():
        return False
    stack = _stack(project)
    return stack.down(on_event)


def _project(folder: Path) -> Path:
    """The project's files, as they are now; what it made before stays."""
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    return folder


def _stack(project: Path) -> Stack:
    """Its services, on the ports of before where nothing else has taken them since."""
    home = project / ".nightshift"
    remembered = remembered_ports(home)
    if remembered:
        stack = Stack(home, project, Ports(**remembered))
        is_running = any(service.pid for service in stack.status())
        if is_running or not taken(stack.ports.all()):
            return stack
    return Stack(home, project, Ports.free())


def _start(stack: Stack, rehearsal: "Rehearsal", view: TinyView) -> None:
    """Services need seconds to answer, and so does Python for the imports: they wait for both at once."""
    with ThreadPoolExecutor(1) as pool:
        prepared = pool.submit(rehearsal.prepare)
        stack.up(SERVICES, view.on_event)
        view.on_event(Event("Dags", "being read"))
        prepared.result()


def _opened() -> "tuple[ModelSpec, Stores]":
    from nightshift.settings import settings
    from nightshift.spec import find_spec
    from nightshift.stores import Stores

    stores = Stores(settings(), {"by": "nightshift"})
    spec = find_spec(stores.settings.models, MODEL)
    return spec, stores


def _missing_runs(spec: "ModelSpec", stores: "Stores") -> list[tuple[str, str]]:
    """What is left to play, in its order: the training, and each night through the chain."""
    from nightshift.monitoring.night_record import read_night_record
    from nightshift.stores.registry import CHAMPION

    runs = []
    if stores.aliases.version(spec.name, CHAMPION) is None:
        runs.append(("train", NIGHTS[0]))
    for night in NIGHTS:
        if read_night_record(spec, night, stores) is None:
            runs += [(verb, night) for verb in CHAIN]
    return runs
