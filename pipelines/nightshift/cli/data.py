"""``nightshift data VERB``: the training data of a version, brought back or compared."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.output import open_model, open_stores, say, say_as_json

if TYPE_CHECKING:
    from nightshift.steps.diff import PartitionDiff, SnapshotDiff

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
    from nightshift.steps.checkout import checkout

    folder = to or _default_folder(snapshot)
    say(checkout(snapshot, folder, open_stores(), force=force))


def _default_folder(snapshot: str) -> Path:
    # Not data/: that is the folder of data.dvc, which would no longer be what it says.
    model = snapshot.partition("@")[0].removesuffix(".dir")
    return Path("artifacts") / "data" / model


@app.command()
def diff(
    a: SnapshotArgument,
    b: SnapshotArgument,
    model: Annotated[str | None, typer.Option(help="The model of two bare md5s: it has the keys.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say which partitions two snapshots do not share, and how many rows differ."""
    from nightshift.steps.diff import diff

    keys = open_model(model)[0].keys if model else ()
    difference = diff(a, b, open_stores(), keys=keys)
    if as_json:
        say_as_json(difference)
    else:
        _show(difference)


def _show(difference: "SnapshotDiff") -> None:
    from rich.table import Table

    from nightshift.terminal import open_console

    table = Table("partition", "", "rows added", "rows removed", "rows changed", "columns", box=None)
    for partition in difference.partitions:
        table.add_row(*_row(partition))
    console = open_console()
    if difference.partitions:
        console.print(table, soft_wrap=True)
    console.print(f"{len(difference.partitions)} partitions differ, {difference.partitions_same} are the same")


def _row(partition: "PartitionDiff") -> list[str]:
    added = [f"+ {name}" for name in partition.columns_added]
    removed = [f"- {name}" for name in partition.columns_removed]
    return [
        partition.partition,
        partition.change,
        str(partition.rows_added),
        str(partition.rows_removed),
        str(partition.rows_changed),
        ", ".join([*added, *removed]),
    ]
