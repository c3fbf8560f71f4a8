"""The verb that makes a project: ``nightshift init``."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(help="The project's folder; it is made.", metavar="DIR", show_default=False)
    ],
) -> None:
    """Write a project of your own: models/, dags/ and plugins/ for Airflow, CI, and what marks it as a project."""
    from nightshift.authoring.init import init

    written = init(folder)
    typer.echo(f"wrote {len(written)} files into {folder}:")
    for file in written:
        typer.echo(f"  {file.relative_to(folder)}")
    typer.echo(f"next: cd {folder}, and read its README.md")
