"""The verbs of the platform: those of a model and a night, and those of its training data."""

import typer

from pipelines.verbs import data, model

app = typer.Typer()
app.add_typer(model.app)
app.add_typer(data.app, name="data", help="Training data by version: bring it back, compare it.")
