"""``nightshift data VERB``: the training data of a version, brought back or compared."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.output import open_model, open_stores, say

if TYPE_CHECKING:
    from nightshift.steps.diff import SnapshotDiff

app = typer.Typer(no_args_is_help=True)

SnapshotArgument = Annotated[
    str, typer.Argument(help="MODEL@champion, MODEL@challenger, MODEL@VERSION or an md5.", show_default=False)
]


@app.command()
def checkout(
    snapshot: SnapshotArgument,
    to: Annotated[Path | None, typer.Option(help="The folder; by default artifacts/data/MODEL.", metavar="DIR")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a folder that has other content.")] = False,
) -> None:
    """Bring back exactly the bytes that a version was trained on."""
    from nightshift.steps.checkout import checkout as step

    # Not data/: that is the folder of data.dvc, which would no longer be what it says.
    folder = to or Path("artifacts") / "data" / snapshot.partition("@")[0].removesuffix(".dir")
    say(step(snapshot, folder, open_stores(), force=force))


@app.command()
def diff(
    a: SnapshotArgument,
    b: SnapshotArgument,
    model: Annotated[str | None, typer.Option(help="The model of two bare md5s: it has the keys.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say which partitions two snapshots do not share, and how many rows differ."""
    from nightshift.steps.diff import diff as step

    keys = open_model(model)[0].keys if model else ()
    found = step(a, b, open_stores(), keys=keys)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2))
    else:
        _show(found)


def _show(found: "SnapshotDiff") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("partition", "", "rows added", "rows removed", "rows changed", "columns", box=None)
    for one in found.partitions:
        rows = (str(count) for count in (one.rows_added, one.rows_removed, one.rows_changed))
        columns = [f"+ {name}" for name in one.columns_added] + [f"- {name}" for name in one.columns_removed]
        table.add_row(one.partition, one.change, *rows, ", ".join(columns))
    console = Console(soft_wrap=True)
    if found.partitions:
        console.print(table)
    console.print(f"{len(found.partitions)} partitions differ, {found.partitions_same} are the same")
