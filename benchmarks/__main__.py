"""``make bench``: figures, as a table and in benchmarks/results.json."""

import argparse
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import results
from benchmarks.groups import GROUPS, LONG, MOST_MINUTES, Suite
from benchmarks.world import World


def main() -> None:
    """Measure one group, all of them, or the long ones."""
    arguments = _arguments()
    console = Console()
    groups = LONG if arguments.long else GROUPS
    for group in [arguments.group] if arguments.group else groups:
        suites = {**GROUPS, **LONG}[group]
        measure(group, suites, console)


def measure(group: str, suites: Iterable[Suite], console: Console) -> None:
    """Run the suites in a world of their own, then write and show the group's part."""
    if not suites:
        console.print(f"{group}: nothing to measure yet")
        return
    figures: dict[str, float] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder, World(Path(folder), console) as world:
        for suite in suites:
            console.rule(f"[bold]{group}: {suite.__module__.removeprefix('benchmarks.')}")
            figures |= suite(world)
    part = results.part(figures, time.perf_counter() - started, world.absent)
    results.write(group, part)
    show(group, part, console)


def show(group: str, part: results.Part, console: Console) -> None:
    """The part as a table; a group that took too long says so."""
    minutes = part.minutes or 0.0
    table = Table("figure", "value", title=f"{group}: {minutes} minutes, written to {results.FILE.name}")
    for name, value in part.figures.items():
        table.add_row(name, f"{value:,.4g}")
    console.print(table)
    if group in GROUPS and minutes > MOST_MINUTES:
        console.print(f"[yellow]more than {MOST_MINUTES} minutes: the machine is busy, or the group grew[/yellow]")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("group", nargs="?", choices=[*GROUPS, *LONG], help="all of them where none is named")
    parser.add_argument("--long", action="store_true", help="the same promises at ten times the size")
    return parser.parse_args()


if __name__ == "__main__":
    main()
