"""The verb that answers by day."""

from enum import StrEnum
from typing import Annotated

import typer

from nightshift.cli.model import ModelArgument

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


BitsOption = Annotated[
    PromisedBits, typer.Option(help="stated also serves a version that may give other bits, and says so.")
]


@app.command()
def serve(
    model: ModelArgument,
    *,
    host: Annotated[
        str, typer.Option(help="On which address; by default this machine alone reaches it.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where it listens.", min=0, max=65535)] = 8100,
    bits: BitsOption = PromisedBits.REQUIRED,
    interval: Annotated[float, typer.Option(help="Seconds between looks at the ledger.", min=0.1, max=3600)] = 10.0,
    drain: Annotated[
        float, typer.Option(help="Seconds that it goes on, not ready any more, after SIGTERM.", min=0, max=600)
    ] = 0.0,
    max_body: Annotated[int, typer.Option(help="Bytes that a request may have.", min=1_000)] = 1_000_000,
    max_rows: Annotated[int, typer.Option(help="Rows that a request may have.", min=1)] = 1_000,
    concurrency: Annotated[int, typer.Option(help="Requests for scores that may be under way.", min=1)] = 64,
    timeout: Annotated[float, typer.Option(help="Seconds that one of them may take.", min=0.1, max=600)] = 5.0,
    replay: ReplayOption = 0.0,
    fallback: FallbackOption = None,
) -> None:
    """Answer requests for scores by day, with the bits of the night, by whoever is champion."""
    from nightshift import logs
    from nightshift.cli.output import open_model
    from nightshift.serving.options import ServeOptions
    from nightshift.steps.serve import serve

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
        replay=replay,
        fallback=fallback,
    )
    spec, stores = open_model(model)

    def told(address: str) -> None:
        typer.echo(f"{spec.name} answers at {address}/score; how to ask: {address}/docs")
        # What is wrong before it is told to a person; from here on lines are for machines.
        logs.log_as_json()

    serve(spec, stores, options, told)
