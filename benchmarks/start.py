"""``cli.start_cpu_seconds``: what a person waits for before a verb begins, and what each call in a script costs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import typer

from benchmarks.world import World
from nightshift.cli.main import app

RUNS = 5
NIGHTSHIFT = Path(sys.executable).with_name("nightshift")


def figures(world: World) -> dict[str, float]:
    """The dearest of all helps and of ``status``: the median of its runs, user and system together."""
    calls = [[*verb, "--help"] for verb in verbs(typer.main.get_command(app))]
    seconds = {}
    for words in [["--help"], ["status"], *calls]:
        seconds[" ".join(words)] = median(cpu_seconds(words, world.project) for _ in range(RUNS))
    dearest = max(seconds, key=lambda words: seconds[words])
    world.console.print(f"dearest: nightshift {dearest}: {seconds[dearest]:.2f} CPU seconds")
    return {"cli.start_cpu_seconds": seconds[dearest]}


def verbs(group: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words that call each verb."""
    for name, command in group.commands.items():
        words = (*before, name)
        yield words
        if hasattr(command, "commands"):
            yield from verbs(command, words)


def cpu_seconds(words: list[str], project: Path) -> float:
    """Of one call in a process of its own."""
    environment = {**os.environ, "NIGHTSHIFT_PROJECT": str(project), "NIGHTSHIFT_HOME": str(project / "never")}
    process = subprocess.Popen(
        [NIGHTSHIFT, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    )
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return used.ru_utime + used.ru_stime
