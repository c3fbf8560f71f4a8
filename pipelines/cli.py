"""``nightshift ...``: the stack, and the same steps that the Dags run, for people."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines import authoring, verbs
from pipelines.errors import NightshiftError, StackError

if TYPE_CHECKING:
    from pipelines.stack import Stack

app = typer.Typer(
    name="nightshift",
    help="Batch machine learning that runs while people sleep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(authoring.app)
app.add_typer(verbs.app)

NOT_ALL_UP = 3
INTERRUPTED = 130


def _stack() -> "Stack":
    from pipelines.settings import load_settings
    from pipelines.stack import Stack

    found = load_settings()
    return Stack(found.home, found.project)


def _started_stack() -> "Stack":
    stack = _stack()
    if not stack.exists:
        raise StackError(f"no stack was ever started in {stack.home}", fix="run `nightshift up`")
    return stack


@app.command()
def up(
    only: Annotated[str, typer.Option(help="Start only these, e.g. s3,mlflow.")] = "",
) -> None:
    """Start S3, MLflow and Airflow in the background; what runs already is left alone."""
    from pipelines.stack.show import Progress, print_access

    stack = _stack()
    with Progress() as progress:
        started = stack.up(only.split(","), progress.on_event)
    print_access(stack, already=not started)


@app.command()
def demo() -> None:
    """Close the whole loop on real data, through Airflow; played again, it goes on where it stopped."""
    from pipelines.demo import perform

    try:
        perform(_stack())
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def down() -> None:
    """Stop all services; data stay."""
    from pipelines.stack.show import Progress, print_line

    with Progress() as progress:
        stopped = _stack().down(progress.on_event)
    print_line("stopped; `nightshift up` brings everything back" if stopped else "nothing was running")


@app.command()
def status() -> None:
    """Show each service; exit 3 when not all are up."""
    from pipelines.stack.show import print_status

    stack = _stack()
    services = stack.status()
    print_status(services)
    if any(service.state != "up" for service in services):
        raise typer.Exit(NOT_ALL_UP)


@app.command()
def env(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of shell commands.")] = False,
) -> None:
    """Print the environment for other tools: eval "$(nightshift env)"."""
    import json

    from pipelines.stack.environment import exports

    values = _started_stack().env()
    typer.echo(json.dumps(values, indent=2) if as_json else exports(values))


@app.command()
def doctor() -> None:
    """Try the store, the services, the packages and the disk; exit 1 when the store cannot be trusted."""
    from pipelines.settings import settings
    from pipelines.stack.doctor import examine, require_trusted
    from pipelines.stack.show import print_findings

    findings = examine(settings())
    print_findings(findings)
    require_trusted(findings)


def main() -> None:
    """Run the command line; a known error is one message, never a traceback."""
    sys.exit(_guarded(lambda: app(standalone_mode=True)))


def _guarded(command: Callable[[], object]) -> int:
    try:
        command()
    except NightshiftError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
