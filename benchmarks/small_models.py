"""``night.models_per_hour``: a night of many small models on two cores, through a real Airflow, beside former code.

Both stacks run all the while and take turns with whole nights, so noise of the machine meets both. All tasks of a
night count: ingest and labels, validate, plan, score, publish, monitor, govern, retrain and confirm. By itself, with
any number of models, and where nobody waits hours for the former code without it:
``python -m benchmarks.small_models --models 50 --rounds 1 --alone``.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
from rich.console import Console

from benchmarks.world import PROJECT, World
from nightshift.demo.airflow_api import AirflowApi
from nightshift.demo.watch import wait_for_dags
from nightshift.project import PROJECT_FILE
from nightshift.settings import load_settings
from nightshift.spec import find_spec
from nightshift.stack import Ports, Stack
from nightshift.stack.environment import enter
from nightshift.stack.files import read_json
from nightshift.stores import Stores

MODELS = 12
ROUNDS = 3
BEFORE = "64411b3"
"""The commit that the target of twice as many is held against."""
EXAMPLE = PROJECT / "pipelines/nightshift/demo/tiny_project/models/orders"
AS_OF = "2024-01-11"
BY_HAND = "timezone: UTC\n  schedule: '0 0 31 12 *'"
"""The clock begins no night while others are measured."""
PATIENCE_S = 1_200
PAUSE_S = 1.0
HOUR_S = 3_600
CHAIN = ("ingest", "validate", "predict", "monitor")


@dataclass
class Side:
    """A code, its stack, and what its nights took."""

    name: str
    code: Path
    stack: Stack
    models: list[str]
    seconds: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This process is a client of the stack, and what it starts runs the code."""
        before = dict(os.environ)
        enter(self.stack.env())
        os.environ["PYTHONPATH"] = str(self.code / "pipelines")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def figures(world: World) -> dict[str, float]:
    """Models an hour of both, and CPU seconds of a model's night by who spends them."""
    folder = world.project.parent / "small-models"
    folder.mkdir()
    former = _side("former", _former(folder), folder, MODELS)
    now = _side("now", PROJECT, folder, MODELS)
    _measure([former, now], ROUNDS, world.console)
    pairs = zip(former.seconds[1:], now.seconds[1:], strict=True)
    ratio = median(before / after for before, after in pairs)
    return _of_side(now) | _of_side(former, "_before") | {"night.models_per_hour_vs_before": ratio}


def _measure(sides: list[Side], rounds: int, console: Console) -> None:
    """Nights by turns; one more than rounds, for the first warms up."""
    try:
        for side in sides:
            console.print(f"{side.name}: {len(side.models)} models learn ...")
            with side.entered():
                _prepare(side)
        for night in _nights(rounds + 1):
            for side in sides:
                with side.entered():
                    _play(side, night)
                spent = ", ".join(f"{name} {seconds / len(side.models):.2f}" for name, seconds in side.cpu[-1].items())
                console.print(f"{night} {side.name}: {side.seconds[-1]:.1f} s; CPU seconds a model: {spent}")
    finally:
        for side in sides:
            side.stack.down()


def _of_side(side: Side, suffix: str = "") -> dict[str, float]:
    """The first night is left out."""
    per_model = median(side.seconds[1:]) / len(side.models)
    measured = {f"night.models_per_hour{suffix}": HOUR_S / per_model}
    for name in side.cpu[0]:
        spent = median(of_night[name] for of_night in side.cpu[1:])
        measured[f"night.small_cpu_seconds.{name}{suffix}"] = spent / len(side.models)
    return measured


def _side(name: str, code: Path, folder: Path, count: int) -> Side:
    models = [f"m{number:03}" for number in range(count)]
    project = folder / name
    project.mkdir()
    (project / PROJECT_FILE).write_text("format = 1\n")
    shutil.copytree(EXAMPLE.parents[1] / "dags", project / "dags")
    (project / "plugins").mkdir()
    spec = (EXAMPLE / "model.yaml").read_text()
    for model in models:
        shutil.copytree(EXAMPLE, project / "models" / model)
        named = spec.replace("name: orders", f"name: {model}", 1)
        (project / "models" / model / "model.yaml").write_text(named.replace("timezone: UTC", BY_HAND, 1))
    return Side(name, code, Stack(folder / f"{name}-home", project, Ports.free()), models)


def _former(folder: Path) -> Path:
    """The code of ``BEFORE``, out of the repository's history."""
    root = folder / BEFORE
    root.mkdir()
    archive = subprocess.run(["git", "archive", BEFORE, "pipelines"], cwd=PROJECT, check=True, capture_output=True)
    subprocess.run(["tar", "-x"], cwd=root, input=archive.stdout, check=True)
    return root


def _nights(count: int) -> list[str]:
    return [f"2024-01-{11 + number:02}" for number in range(count)]


def _prepare(side: Side) -> None:
    """A champion each, made by one code for both sides, then Airflow."""
    from nightshift.steps.load import load, window
    from nightshift.steps.promote import promote
    from nightshift.steps.retrain import train_and_gate
    from nightshift.steps.snapshot import snapshot

    side.stack.up(["s3", "mlflow"])
    settings = load_settings()
    for model in side.models:
        spec = find_spec(settings.models, model)
        stores = Stores(settings, {"by": "benchmarks"})
        load(spec, *window(spec, AS_OF), stores)
        promote(spec, train_and_gate(spec, snapshot(spec, AS_OF, stores), stores), stores)
    side.stack.up()
    for model in side.models:
        wait_for_dags(_api(model), {f"{model}.{verb}" for verb in CHAIN})


def _play(side: Side, night: str) -> None:
    """One night of all models, all at once, as the clock would start them."""
    api = _api("m")
    before = cpu_seconds(side.stack)
    began = time.perf_counter()
    for model in side.models:
        api.trigger(f"{model}.ingest", f"bench__{night}", night)
    _wait(api, side.models, night)
    side.seconds.append(time.perf_counter() - began)
    after = cpu_seconds(side.stack)
    side.cpu.append({name: after[name] - before[name] for name in after})


def _wait(api: AirflowApi, models: list[str], night: str) -> None:
    waiting = set(models)
    deadline = time.monotonic() + PATIENCE_S
    while waiting:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{night}: {sorted(waiting)} were not monitored within {PATIENCE_S} s")
        time.sleep(PAUSE_S)
        # One after the other: a request of each model a second would be load of its own.
        model = min(waiting)
        runs = api.runs_of(f"{model}.monitor", night)
        if runs and runs[0]["state"] in {"success", "failed"}:
            assert runs[0]["state"] == "success", runs[0]
            waiting.remove(model)
            deadline = time.monotonic() + PATIENCE_S


def _api(model: str) -> AirflowApi:
    settings = load_settings()
    assert settings.airflow_url
    assert settings.airflow_password
    api = AirflowApi(settings.airflow_url, settings.airflow_user, settings.airflow_password.get_secret_value(), model)
    api.log_in()
    return api


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """Of all services so far: tasks and who watches over each, apart from the scheduler that started them."""
    spent = {"tasks": 0.0, "supervisors": 0.0}
    for file in sorted(stack.records.glob("*.json")):
        service = psutil.Process(int(read_json(file)["pid"]))
        if file.stem != "scheduler":
            spent[file.stem] = _own(service) + sum(_own(child) + _reaped(child) for child in service.children())
            spent[file.stem] += _reaped(service)
            continue
        spent["scheduler"] = _own(service) + _reaped(service)
        for worker in service.children():
            spent["supervisors"] += _own(worker)
            spent["tasks"] += _reaped(worker)
    return spent


def _own(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _reaped(process: psutil.Process) -> float:
    """Of its children that have ended."""
    times = process.cpu_times()
    return times.children_user + times.children_system


def main() -> None:
    """By itself, for any number of models."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small_models", description=__doc__)
    parser.add_argument("--models", type=int, default=MODELS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--alone", action="store_true", help="without the former code")
    arguments = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as name:
        folder = Path(name)
        sides = [] if arguments.alone else [_side("former", _former(folder), folder, arguments.models)]
        sides.append(_side("now", PROJECT, folder, arguments.models))
        _measure(sides, arguments.rounds, console)
        for side in sides:
            for figure, value in _of_side(side, "" if side.name == "now" else "_before").items():
                console.print(f"{figure}: {value:.3f}")


if __name__ == "__main__":
    main()
