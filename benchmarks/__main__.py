"""``make bench``: every figure, as a table and in benchmarks/results.json."""

import json
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import night, score, snapshots, stages, validate
from benchmarks.world import World

RESULTS = Path(__file__).with_name("results.json")
PACKAGES = ("apache-airflow", "mlflow", "great-expectations", "onnxruntime", "scikit-learn", "pandas", "pyarrow")
SUITES = (score, stages, validate, snapshots, night)


def main() -> None:
    """Start a stack of its own, train a champion on real flights, measure, stop."""
    console = Console()
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder, World(Path(folder), console) as world:
        for suite in SUITES:
            console.rule(f"[bold]{suite.__name__.removeprefix('benchmarks.')}")
            figures |= suite.figures(world)
    write(figures)
    show(console, figures)


def write(figures: dict[str, float]) -> None:
    """A flat object of named figures, then the machine and the versions they were seen with."""
    machine = {
        "machine.cores": len(os.sched_getaffinity(0)),
        "machine.memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "machine.python": platform.python_version(),
        **{f"version.{name}": version(name) for name in PACKAGES},
    }
    rounded = {name: round(value, 4) for name, value in sorted(figures.items())}
    RESULTS.write_text(json.dumps({**rounded, **machine}, indent=1) + "\n")


def show(console: Console, figures: dict[str, float]) -> None:
    """The same as a table."""
    table = Table("figure", "value", title=f"written to {RESULTS.relative_to(Path.cwd())}")
    for name, value in sorted(figures.items()):
        table.add_row(name, f"{value:,.3f}")
    console.print(table)


if __name__ == "__main__":
    main()
