"""A whole stack for one benchmark run: real services, real flights, a real champion."""

import os
import shutil
from functools import cached_property
from pathlib import Path
from typing import Self

from rich.console import Console

from nightshift.contracts import Candidate, GraphRef, Pin, SnapshotRef, Trained
from nightshift.project import PROJECT_FILE
from nightshift.settings import Settings, load_settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.stack import Ports, Stack
from nightshift.stores import Stores

PROJECT = Path(__file__).parents[1]
AS_OF = "2013-04-01"
MODEL = "flight_delays"


class World:
    """Starts on enter, stops on exit. Data, models and Airflow are made when a suite first asks for them."""

    def __init__(self, folder: Path, console: Console) -> None:
        self.console = console
        self.project = _project(folder / "project")
        self.stack = Stack(folder / "home", self.project, Ports.free())
        self.absent: dict[str, str] = {}
        """Figures that this machine cannot give, and why."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.down()

    @cached_property
    def settings(self) -> Settings:
        """Of the running store and MLflow."""
        self.console.print("starting SeaweedFS and MLflow ...")
        self.stack.up(["s3", "mlflow"])
        os.environ.update(self.stack.env())
        return load_settings()

    @cached_property
    def spec(self) -> ModelSpec:
        """The flights'."""
        return find_spec(self.settings.models, MODEL)

    @cached_property
    def stores(self) -> Stores:
        """As in any step."""
        return Stores(self.settings, {"by": "benchmarks"})

    @cached_property
    def snapshot(self) -> SnapshotRef:
        """Three months of flights, loaded and frozen."""
        from nightshift.steps.load import load, window
        from nightshift.steps.snapshot import snapshot

        first, last = window(self.spec, AS_OF)
        self.console.print(f"loading flights from {first} to {last} ...")
        load(self.spec, first, last, self.stores)
        return snapshot(self.spec, AS_OF, self.stores)

    @cached_property
    def trained(self) -> Trained:
        """The trained model, before any graph was made of it."""
        from nightshift.steps.train import train

        self.console.print(f"training as of {AS_OF} ...")
        return train(self.spec, self.snapshot, self.stores)

    @cached_property
    def exact(self) -> GraphRef:
        """The fastest graph that agrees with the trained model exactly."""
        optimize = self.spec.optimize.model_copy(update={"max_metric_loss": None})
        return self._optimized(self.spec.model_copy(update={"optimize": optimize})).graph

    @cached_property
    def candidate(self) -> Candidate:
        """The version with the graph that the whole search chose; made after ``exact``, so that it is what scores."""
        assert self.exact
        return self._optimized(self.spec)

    @property
    def chosen(self) -> GraphRef:
        """The candidate's graph."""
        return self.candidate.graph

    @cached_property
    def pin(self) -> Pin:
        """The champion: the candidate, through its gate."""
        from nightshift.steps.evaluate import evaluate
        from nightshift.steps.promote import promote

        promote(self.spec, evaluate(self.spec, self.candidate, self.stores), self.stores)
        pin, _ = self.stores.aliases.champion(self.spec.name)
        return pin

    def start_airflow(self) -> None:
        """The rest of the stack, for suites that run Dags."""
        self.console.print("starting Airflow ...")
        self.stack.up()
        os.environ.update(self.stack.env())
        self.__dict__["settings"] = load_settings()

    def _optimized(self, spec: ModelSpec) -> Candidate:
        from nightshift.steps.optimize import optimize
        from nightshift.steps.train import register

        # Nights of flights are small: what the search finds for larger ones is measured on them all the same.
        always = spec.optimize.model_copy(update={"approximate": "always"})
        spec = spec.model_copy(update={"optimize": always})
        return optimize(spec, register(spec, self.trained, self.stores), self.stores)


def _project(folder: Path) -> Path:
    """The project with one Dag file more: the empty chain that the night is compared with."""
    folder.mkdir()
    for name in ("models", "plugins"):
        shutil.copytree(PROJECT / name, folder / name)
    shutil.copytree(PROJECT / "dags", folder / "dags")
    shutil.copyfile(PROJECT / PROJECT_FILE, folder / PROJECT_FILE)
    shutil.copyfile(Path(__file__).with_name("empty_chain.py"), folder / "dags" / "empty_chain.py")
    return folder
