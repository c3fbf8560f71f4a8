"""The verb that answers by day."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.model import ModelArgument

if TYPE_CHECKING:
    from nightshift.serving.options import ServeOptions

app = typer.Typer()

ReplayOption = Annotated[
    float, typer.Option(help="Share of requests that are kept, to be scored again by a night.", min=0, max=1)
]
FallbackOption = Annotated[
    int | None,
    typer.Option(
        help="Give the last night's score where scoring fails, if it is no more than so many days old.",
        min=0,
        show_default=False,
    ),
]


class PromisedBits(StrEnum):
    """Whether a version answers of which the night's bits cannot be promised."""

    REQUIRED = "required"
    STATED = "stated"


AccessFile = Annotated[Path | None, typer.Option("--access", help="Who may ask, and how often: an access.toml.")]
CacheBytes = Annotated[int, typer.Option(help="Bytes of answers that are kept for the next time.", min=0)]
BatchRows = Annotated[int, typer.Option(help="Rows of several requests that are scored at once.", min=0, max=64)]
BatchMs = Annotated[float, typer.Option(help="Milliseconds that they wait for each other.", min=0.1, max=100)]
GrpcPort = Annotated[int | None, typer.Option(help="Also answer by gRPC, at this port.", min=1, max=65535)]
HostOption = Annotated[str, typer.Option(help="On which address; by default this machine alone reaches it.")]
DrainOption = Annotated[
    float, typer.Option(help="Seconds that it goes on, not ready any more, after SIGTERM.", min=0, max=600)
]
BitsOption = Annotated[
    PromisedBits, typer.Option(help="stated also serves a version that may give other bits, and says so.")
]


@app.command()
def serve(
    model: ModelArgument,
    *,
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where it listens.", min=0, max=65535)] = 8100,
    bits: BitsOption = PromisedBits.REQUIRED,
    interval: Annotated[float, typer.Option(help="Seconds between looks at the ledger.", min=0.1, max=3600)] = 10.0,
    drain: DrainOption = 0.0,
    max_body: Annotated[int, typer.Option(help="Bytes that a request may have.", min=1_000)] = 1_000_000,
    max_rows: Annotated[int, typer.Option(help="Rows that a request may have.", min=1)] = 1_000,
    concurrency: Annotated[int, typer.Option(help="Requests for scores that may be under way.", min=1)] = 64,
    timeout: Annotated[float, typer.Option(help="Seconds that one of them may take.", min=0.1, max=600)] = 5.0,
    access_file: AccessFile = None,
    cache_bytes: CacheBytes = 0,
    batch_rows: BatchRows = 0,
    batch_ms: BatchMs = 2.0,
    replay: ReplayOption = 0.0,
    fallback: FallbackOption = None,
    grpc_port: GrpcPort = None,
) -> None:
    """Answer requests for scores by day, with the bits of the night, by whoever is champion."""
    from nightshift.serving.access.file import read_access_file
    from nightshift.serving.options import ServeOptions

    options = ServeOptions(
        host=host,
        port=port,
        bits=bits.value,
        interval=interval,
        drain=drain,
        max_body=max_body,
        max_rows=max_rows,
        concurrency=concurrency,
        timeout=timeout,
        access=None if access_file is None else read_access_file(access_file),
        cache_bytes=cache_bytes,
        batch_rows=batch_rows,
        batch_ms=batch_ms,
        replay=replay,
        fallback=fallback,
        grpc_port=grpc_port,
    )
    _answer(model, options)


def _answer(model: str, options: "ServeOptions") -> None:
    from nightshift.cli.output import open_model
    from nightshift.steps.serve import serve

    spec, stores = open_model(model)

    serve(spec, stores, options, partial(_said, spec.name, options.grpc_port))


def _said(model: str, grpc_port: int | None, address: str) -> None:
    """Where it answers."""
    from nightshift import logs

    typer.echo(f"{model} answers at {address}/score; how to ask: {address}/docs")
    if grpc_port is not None:
        typer.echo(f"by gRPC at port {grpc_port}")
    # What is wrong before it is told to a person; from here on lines are for machines.
    logs.log_as_json()
