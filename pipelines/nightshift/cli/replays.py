"""The verb that scores again what was answered by day."""

from typing import Annotated

import typer

from nightshift.cli.model import JsonOption, ModelArgument
from nightshift.cli.output import open_model, say, say_as_json

app = typer.Typer()


@app.command()
def replay(
    model: ModelArgument,
    night: Annotated[
        str | None, typer.Argument(help="As which night; by default the newest published one.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score rows again that a server answered by day, and count those that have other bits at night."""
    from nightshift.monitoring.shadow.nights import newest_published
    from nightshift.steps.replay import replay

    spec, stores = open_model(model)
    asked = night or newest_published(spec, stores) or spec.partition.start.isoformat()
    replayed = replay(spec, asked, stores)
    if replayed is None:
        typer.echo(f"{spec.name}: no row that was answered by day is left to score again")
    elif as_json:
        say_as_json(replayed)
    else:
        say(replayed)
