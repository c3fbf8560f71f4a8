"""The verbs of a version."""

from typing import Annotated

import typer

from nightshift.cli.model import ModelArgument
from nightshift.cli.output import open_model, say

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
