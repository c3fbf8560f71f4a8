"""The verbs of a version."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.model import DIGITS_TO_TYPE, ModelArgument
from nightshift.cli.output import open_model, say, say_next

if TYPE_CHECKING:
    from nightshift.steps._elsewhere import Elsewhere
    from nightshift.stores import Stores

app = typer.Typer()

VersionArgument = Annotated[str, typer.Argument(help="Its number.", show_default=False)]


@app.command()
def reproduce(model: ModelArgument, version: VersionArgument) -> None:
    """Train a version again from its snapshot and compare its exact graph byte for byte; nothing is written."""
    from nightshift.steps.reproduce import reproduce
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        reproduced = reproduce(spec, version, stores, view.on_progress)
    say(reproduced)
    typer.echo("equal: trained again, its exact graph has the same bytes")


@app.command()
def promote(
    model: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="A version of a model.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", help="The folder of the other project.", show_default=False)],
    env: Annotated[
        Path | None,
        typer.Option(help="Where its stores are; by default as nightshift up wrote it there.", show_default=False),
    ] = None,
) -> None:
    """Carry a version that passed its gate to another project, and promote it if parity and the gate there say so."""
    from nightshift.steps._elsewhere import promote_elsewhere
    from nightshift.steps.withdraw import parse_version
    from nightshift.terminal import ProgressView

    name, number = parse_version(model, None, "nightshift promote MODEL@VERSION --to PROJECT")
    spec, stores = open_model(name)
    there = _other_project(to, env, stores)
    with ProgressView() as view:
        came = promote_elsewhere(spec, number, stores, there, view.on_progress)
    _say_elsewhere(came)
    promotion = came.promotion
    if promotion.waits_for:
        say_next(f"in {to}, for it to score: nightshift approve {name} {promotion.waits_for[:DIGITS_TO_TYPE]}")
    elif promotion.champion == came.version:
        say_next(f"in {to}: nightshift ledger {name}")
    elif promotion.stands == "canary":
        say_next(f"in {to}, once it has scored nights: nightshift canary {name}")
    else:
        typer.echo(f"not promoted: version {came.version} there stays challenger")
        raise typer.Exit(1)


def _other_project(folder: Path, env: Path | None, stores: "Stores") -> "Stores":
    """The stores of another project, for the same person."""
    from nightshift.settings import settings_of
    from nightshift.stores import Stores

    return Stores(settings_of(folder, env), stores.origin, stores.began)


def _say_elsewhere(came: "Elsewhere") -> None:
    say({
        "version there": came.version,
        "rows compared": came.rows_compared,
        "farthest from the trained model": came.max_difference,
        "because": came.promotion.reason,
        "champion there": came.promotion.champion,
    })
    say({name: round(value, 4) for name, value in came.verdict.metrics.items()})
