"""The verb that serves figures of nights and models, or prints them once."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from nightshift.figures.look import LakeLook
    from nightshift.settings import Settings

app = typer.Typer()
HOST = "127.0.0.1"
PORT = 9108
TOKEN_FILE = "metrics-token"  # noqa: S105 - the name of a file
LEAST_SECONDS = 15


class FiguresFormat(StrEnum):
    """How figures are printed: for Prometheus, or for CloudWatch's log agents."""

    PROMETHEUS = "prometheus"
    EMF = "emf"


@app.command()
def metrics(
    *,
    port: Annotated[int, typer.Option(help="Where it listens.", min=0, max=65535)] = PORT,
    host: Annotated[
        str, typer.Option(help="On which address; by default this machine alone reaches it.")
    ] = "127.0.0.1",
    every: Annotated[int, typer.Option(help="Seconds from one look at the lake to the next.", min=LEAST_SECONDS)] = 300,
    once: Annotated[bool, typer.Option("--once", help="Print the figures and end; exit 1 without the lake.")] = False,
    form: Annotated[
        FiguresFormat, typer.Option("--format", help="emf prints a line a model for CloudWatch, and ends.")
    ] = FiguresFormat.PROMETHEUS,
) -> None:
    """Serve figures of nights and models, out of lake and ledgers, to Prometheus; or print them once."""
    from nightshift.cli.output import open_stores
    from nightshift.extras import require
    from nightshift.figures.look import LakeLook

    require("metrics", "nightshift metrics", "prometheus-client")
    stores = open_stores()
    look = LakeLook(stores)
    look.take()
    if form is FiguresFormat.EMF:
        _print_emf(look)
    elif once:
        _print_text(look)
    else:
        _serve(look, host, port, every, stores.settings)
        return
    if not look.is_up:
        raise typer.Exit(1)


def _print_emf(look: "LakeLook") -> None:
    from nightshift.figures.emf import line

    for _, known in sorted(look.models.items()):
        if known.figures.night:
            typer.echo(line(known.figures, look.taken_at))


def _print_text(look: "LakeLook") -> None:
    from nightshift.figures.prometheus import exposition

    body, _ = exposition(look.samples)
    typer.echo(body.decode(), nl=False)


def _serve(look: "LakeLook", host: str, port: int, every: int, settings: "Settings") -> None:
    """Until somebody ends it."""
    import threading

    from nightshift.figures.prometheus import PATH, serve

    token, where = _token(settings)
    try:
        server = serve(look.samples, host, port, token)
    except OSError as error:
        raise UsageError(
            f"nobody can listen on {host}:{port}: {error.strerror}", fix="give another one: --port, --host"
        ) from error
    stopped = threading.Event()
    look.keep_taking(every, stopped)
    typer.echo(f"figures are at http://{host}:{server.server_port}{PATH} for who knows the token of {where}")
    try:
        server.serve_forever()
    finally:
        stopped.set()
        server.server_close()


def _token(settings: "Settings") -> "tuple[str, Path | str]":
    """What a scrape has to say, and where it stands: the environment's, or one that is made at the first start."""
    import secrets

    from nightshift.stack.files import write_private

    if settings.metrics_token:
        return settings.metrics_token.get_secret_value(), "NIGHTSHIFT_METRICS_TOKEN"
    file = settings.home / TOKEN_FILE
    if not file.is_file():
        write_private(file, secrets.token_urlsafe(32))
    return file.read_text(encoding="utf-8").strip(), file
