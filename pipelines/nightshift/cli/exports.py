"""The champion elsewhere: ``nightshift export``, and what proves it."""

from pathlib import Path
from typing import Annotated

import typer

from nightshift.cli.model import ModelArgument
from nightshift.cli.output import open_model, say, say_next

app = typer.Typer()

TARGETS = (
    "azureml, browser, coreml, kserve, lambda, litert, mlflow, openvino, ort, sagemaker, tensorrt, tfserving,"
    " torchserve, triton or vertex"
)
ADDRESS = "Where the folder will lie: kserve and sagemaker ask for s3://BUCKET/PREFIX."
PYTHON = "Of coreml, litert, openvino or tfserving: a Python that has the target's library."


@app.command()
def export(
    model: ModelArgument,
    to: Annotated[str, typer.Option("--to", help=f"The target: {TARGETS}.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", help="A new or empty folder.", show_default=False)],
    version: Annotated[
        str | None, typer.Option(help="A version that passed its gate; by default the champion.", show_default=False)
    ] = None,
    address: Annotated[str, typer.Option(help=ADDRESS, show_default=False)] = "",
    python: Annotated[str, typer.Option(help=PYTHON, show_default=False)] = "",
) -> None:
    """Write the champion as another server's own reader loads it, with rows that prove it."""
    from nightshift.steps.export import export

    spec, stores = open_model(model)
    record = export(spec, to, out, stores, version=version, address=address, python=python)
    say({
        "model": record.model,
        "version": record.version,
        "scores at night": record.champion_sha256,
        "graph": str(out / record.graph_file),
        "sha256": record.graph_sha256,
        "golden rows": len(record.golden.scores),
    })
    say_next(f"nightshift verify-export {out}{f' --python {python}' if python else ''}")


@app.command()
def verify_export(
    where: Annotated[str, typer.Argument(metavar="DIR|URL", help="A folder, or a server.", show_default=False)],
    of: Annotated[
        Path | None, typer.Option("--of", help="Of a server: the folder that it was given.", show_default=False)
    ] = None,
    python: Annotated[str, typer.Option(help=PYTHON, show_default=False)] = "",
) -> None:
    """Score an export's golden rows, in its folder or on a server, and compare them."""
    from nightshift.steps.verify_export import verify_export

    typer.echo(str(verify_export(where, of, python)))
