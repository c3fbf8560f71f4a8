"""``train.small_*_vs_fit``: a training of 3,000 rows, whole, beside the fits that it needs and one plain log of MLflow.

Whole is every task of the Dag ``train``, called as the plain function that it is, in one process, on a real SeaweedFS
and MLflow, with the nights in the lake already. Beside it: the same estimators fitted to the same rows, those of the
recipe and those of the reference that says which drift matters, then a run of MLflow with the metrics and the model;
and the same with as many threads of OpenMP as there are cores, as they were fitted before.
All take turns; seconds are of the clock, and of the CPU of this process with SeaweedFS and MLflow.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

import psutil

from benchmarks.world import PROJECT, World
from nightshift import concurrency
from nightshift.contracts import Verdict
from nightshift.spec import ModelSpec
from nightshift.spec.files import load_spec
from nightshift.stack.files import read_json
from nightshift.stores import Stores

ROUNDS = 5
EXAMPLE = PROJECT / "pipelines/nightshift/demo/tiny_project"
AS_OF = "2024-01-11"
METHOD = "predict_proba"
RETRAIN = "bench__2024-01-11"
Call = Callable[[], object]


@dataclass
class Fits:
    """What was fitted in one training, to be fitted again: of the recipe, and of the reference of drift."""

    recipe: list[Call] = field(default_factory=list)
    reference: list[Call] = field(default_factory=list)


@dataclass
class Side:
    """Seconds of each round: of the clock, and of CPUs."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def figures(world: World) -> dict[str, float]:
    """Medians of the rounds' ratios; a first training warms up, and shows what is fitted."""
    settings = world.settings.model_copy(update={"project": EXAMPLE})
    spec = load_spec(settings.models / "orders" / "model.yaml")
    stores = Stores(settings, {"by": "benchmarks"})
    with _noted() as fits:
        verdict = _whole(spec, stores)
    whole, fitted, recipe = Side(), Side(), Side()
    former = Side()
    for number in range(ROUNDS):
        _timed(world, whole, lambda: _whole(spec, stores))
        plain = _timed(world, fitted, lambda: _fits_and_log(spec, [*fits.recipe, *fits.reference], verdict, stores))
        assert plain
        _timed(world, recipe, lambda: _fits_and_log(spec, fits.recipe, verdict, stores))
        with _threads_of_all_cores():
            _timed(world, former, lambda: _fits_and_log(spec, [*fits.recipe, *fits.reference], verdict, stores))
        seconds = f"{whole.wall[-1]:.1f} s, {fitted.wall[-1]:.1f} s, before {former.wall[-1]:.1f} s"
        cpu = f"{whole.cpu[-1]:.1f}, {fitted.cpu[-1]:.1f} and {recipe.cpu[-1]:.1f}"
        world.console.print(f"round {number}: whole and fits {seconds}; CPU seconds {cpu}")
    return {
        "train.small_seconds": median(whole.wall),
        "train.small_cpu_seconds": median(whole.cpu),
        "train.small_fit_cpu_seconds": median(fitted.cpu),
        "train.small_seconds_vs_fit": _ratio(whole.wall, fitted.wall),
        "train.small_seconds_vs_former_fit": _ratio(whole.wall, former.wall),
        "train.small_cpu_seconds_vs_fit": _ratio(whole.cpu, fitted.cpu),
        "train.small_cpu_seconds_vs_fit_of_recipe": _ratio(whole.cpu, recipe.cpu),
    }


def _ratio(ours: list[float], theirs: list[float]) -> float:
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def _whole(spec: ModelSpec, stores: Stores) -> Verdict:
    from nightshift.steps.conclude import conclude
    from nightshift.steps.evaluate import evaluate
    from nightshift.steps.load import load, window
    from nightshift.steps.optimize import optimize
    from nightshift.steps.promote import promote
    from nightshift.steps.snapshot import snapshot
    from nightshift.steps.train import register, train

    def anew() -> Stores:
        """As each task has them."""
        return Stores(stores.settings, stores.origin)

    first, last = window(spec, AS_OF)
    load(spec, first, last, anew())
    frozen = snapshot(spec, AS_OF, anew())
    trained = train(spec, frozen, anew())
    registered = register(spec, trained, anew())
    candidate = optimize(spec, registered, anew())
    verdict = evaluate(spec, candidate, anew())
    promote(spec, verdict, anew())
    conclude(spec, RETRAIN, anew())
    return verdict


@contextmanager
def _threads_of_all_cores() -> Iterator[None]:
    """Small fits get no thread less in the block."""
    cells = concurrency.CELLS_OF_ONE_THREAD
    concurrency.CELLS_OF_ONE_THREAD = 0
    try:
        yield
    finally:
        concurrency.CELLS_OF_ONE_THREAD = cells


@contextmanager
def _noted() -> Iterator[Fits]:
    """What is fitted in the block."""
    from nightshift.monitoring.matters import domain
    from nightshift.steps import train

    fits = Fits()
    with _kept(train, "fit", fits.recipe), _kept(domain, "out_of_fold_scores", fits.reference):
        yield fits


@contextmanager
def _kept(module: Any, name: str, calls: list[Call]) -> Iterator[None]:
    function = getattr(module, name)

    def noted(*arguments: Any) -> Any:
        calls.append(partial(function, *arguments))
        return function(*arguments)

    setattr(module, name, noted)
    try:
        yield
    finally:
        setattr(module, name, function)


def _fits_and_log(spec: ModelSpec, fits: list[Call], verdict: Verdict, stores: Stores) -> object:
    """Fit all, and log the recipe's last fit with the metrics, by MLflow's own call and in the same format."""
    from nightshift.training.trained_file import trusted_types

    fitted = [fit() for fit in fits]
    pipeline = next(one for one in reversed(fitted) if hasattr(one, METHOD))
    with stores.registry.session("plain") as mlflow, mlflow.start_run():
        mlflow.log_metrics(verdict.metrics)
        return mlflow.sklearn.log_model(
            pipeline,
            name="model",
            serialization_format="skops",
            skops_trusted_types=list(trusted_types(spec)),
            # Else MLflow loads the model in a process of its own, for a quarter of a minute, to see what it imports.
            pip_requirements=["scikit-learn"],
        )


def _timed(world: World, side: Side, act: Call) -> object:
    began, spent = time.perf_counter(), _cpu_seconds(world)
    done = act()
    side.wall.append(time.perf_counter() - began)
    side.cpu.append(_cpu_seconds(world) - spent)
    return done


def _cpu_seconds(world: World) -> float:
    """Of this process and of the services so far."""
    total = time.process_time()
    for file in world.stack.records.glob("*.json"):
        service = psutil.Process(int(read_json(file)["pid"]))
        for process in [service, *service.children(recursive=True)]:
            times = process.cpu_times()
            total += times.user + times.system
    return total
