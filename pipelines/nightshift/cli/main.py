"""``nightshift ...``: the stack, and the same steps that the Dags run, for people."""

import sys

import typer

from nightshift.cli import alarms, backtest, data, decisions, model, nights, preview, project, spec, stack, versions
from nightshift.cli.stack import INTERRUPTED
from nightshift.errors import NightshiftError

app = typer.Typer(
    name="nightshift",
    help="Batch machine learning that runs while people sleep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
VERBS = (
    project.app,
    stack.app,
    spec.app,
    model.app,
    decisions.app,
    alarms.app,
    versions.app,
    nights.app,
    backtest.app,
    preview.app,
)
for verbs in VERBS:
    app.add_typer(verbs)
app.add_typer(data.app, name="data", help="Training data by version: bring it back, compare it.")


def main() -> None:
    """Run the command line; a known error is one message, never a traceback."""
    sys.exit(_run())


def _run() -> int:
    try:
        app(standalone_mode=True)
    except NightshiftError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
