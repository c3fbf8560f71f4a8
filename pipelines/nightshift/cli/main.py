"""``nightshift ...``: the stack, and the same steps that the Dags run, for people."""

import logging
import os
import sys
import time

import typer

from nightshift import logs
from nightshift.cli import (
    alarms,
    alerts,
    backtest,
    canaries,
    data,
    decisions,
    exports,
    metrics,
    model,
    nights,
    pages,
    preview,
    project,
    replays,
    serve,
    spec,
    stack,
    versions,
)
from nightshift.cli.stack import INTERRUPTED
from nightshift.errors import NightshiftError

log = logging.getLogger("nightshift")
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
    canaries.app,
    alarms.app,
    versions.app,
    exports.app,
    nights.app,
    pages.app,
    backtest.app,
    preview.app,
    serve.app,
    replays.app,
    metrics.app,
)
for verbs in VERBS:
    app.add_typer(verbs)
app.add_typer(data.app, name="data", help="Training data by version: bring it back, compare it.")
app.add_typer(alerts.app, name="alerts", help="What people are told: list it, try the channels, tell what is due.")


def main() -> None:
    """Run the command line; a known error is one message, never a traceback."""
    if os.environ.get(logs.VARIABLE) == logs.JSON:
        logs.log_as_json()
    began = time.monotonic()
    code = _run()
    if logs.is_json():
        verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        seconds = round(time.monotonic() - began, 3)
        fields = {
            "verb": verb,
            "seconds": seconds,
            "exit": code,
        }
        log.info("the command ended", extra=fields)
    sys.exit(code)


def _run() -> int:
    try:
        app(standalone_mode=True)
    except NightshiftError as error:
        _tell(error)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def _tell(error: NightshiftError) -> None:
    if logs.is_json():
        name = type(error).__name__
        fields = {"fix": error.fix}
        log.error("%s: %s", name, error.message, extra=fields)
    else:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
