"""A whole stack for one benchmark run: real services, real flights, a real champion."""

import os
import shutil
from pathlib import Path
from typing import Self

from rich.console import Console

from nightshift.project import PROJECT_FILE
from nightshift.settings import load_settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.stack import Ports, Stack
from nightshift.stores import Stores

PROJECT = Path(__file__).parents[1]
AS_OF = "2013-04-01"
MODEL = "flight_delays"


class World:
    """Starts on enter, stops on exit. ``stores`` and ``spec`` work as in any step."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.console = console
        self.project = _project(folder / "project")
        self.stack = Stack(folder / "home", self.project, Ports.free())

    def __enter__(self) -> Self:
        self.console.print("starting SeaweedFS, MLflow and Airflow ...")
        self.stack.up()
        os.environ.update(self.stack.env())
        self.settings = load_settings()
        self.stores = Stores(self.settings, {"by": "benchmarks"})
        self.spec: ModelSpec = find_spec(self.settings.models, MODEL)
        self._champion()
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.down()

    def _champion(self) -> None:
        from nightshift.steps.evaluate import evaluate
        from nightshift.steps.load import load, window
        from nightshift.steps.optimize import optimize
        from nightshift.steps.promote import promote
        from nightshift.steps.snapshot import snapshot
        from nightshift.steps.train import register, train

        spec, stores = self.spec, self.stores
        self.console.print(f"training a champion as of {AS_OF} on three months of flights ...")
        load(spec, *window(spec, AS_OF), stores)
        self.trained = train(spec, snapshot(spec, AS_OF, stores), stores)
        registered = register(spec, self.trained, stores)
        # The fastest exact graph first; then the whole search, whose choice is what gets registered.
        exact_only = spec.model_copy(update={"optimize": spec.optimize.model_copy(update={"max_metric_loss": None})})
        self.exact = optimize(exact_only, registered, stores).graph
        candidate = optimize(spec, registered, stores)
        self.chosen = candidate.graph
        promote(spec, evaluate(spec, candidate, stores), stores)
        self.pin = stores.registry.champion(spec.name)


def _project(folder: Path) -> Path:
    """The project with one Dag file more: the empty chain that the night is compared with."""
    folder.mkdir()
    for name in ("models", "plugins"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copytree(PROJECT / "dags", folder / "dags")
    shutil.copyfile(PROJECT / PROJECT_FILE, folder / PROJECT_FILE)
    shutil.copyfile(Path(__file__).with_name("empty_chain.py"), folder / "dags" / "empty_chain.py")
    return folder
