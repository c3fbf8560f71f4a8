"""The verb that writes the pages of models as files, to be read without a server."""

from pathlib import Path
from typing import Annotated

import typer

from nightshift.cli.output import open_stores, say

app = typer.Typer()


@app.command()
def report(
    models: Annotated[
        list[str] | None, typer.Argument(help="Folders of models/; none: all.", show_default=False)
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="The folder to write into.", show_default=False)],
) -> None:
    """Write the pages of models as HTML files: the index, each model's nights, alarms and story, and the reports."""
    from nightshift.spec import find_spec, load_specs
    from nightshift.steps.report import report
    from nightshift.terminal import ProgressView

    stores = open_stores()
    folder = stores.settings.models
    specs = [find_spec(folder, name) for name in models] if models else load_specs(folder)
    with ProgressView() as view:
        written = report(specs, out, stores, view.on_progress)
    say(written)
