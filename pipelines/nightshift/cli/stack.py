"""The verbs of the embedded stack: ``nightshift up``, ``down``, ``status``, ``env``, ``doctor``, and the demo on it."""

from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.errors import StackError, UsageError

if TYPE_CHECKING:
    from nightshift.stack import Stack

app = typer.Typer()

NOT_ALL_UP = 3
INTERRUPTED = 130


def _stack() -> "Stack":
    from nightshift.settings import load_settings
    from nightshift.stack import Stack

    loaded = load_settings()
    return Stack(loaded.home, loaded.project)


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
    from nightshift.stack.show import Progress, print_access

    stack = _stack()
    with Progress() as progress:
        started = stack.up(only.split(","), progress.on_event)
    print_access(stack, already=not started)


@app.command()
def demo(
    tiny: Annotated[
        bool, typer.Option("--tiny", help="Three small nights in a minute, without Airflow's services.")
    ] = False,
    running: Annotated[
        bool, typer.Option("--running", help="On services that run already, as the environment names them.")
    ] = False,
) -> None:
    """Close the whole loop on real data, through Airflow; played again, it goes on where it stopped."""
    from nightshift.demo import perform, perform_on_running
    from nightshift.demo.tiny import perform_tiny

    if tiny and running:
        raise UsageError("--tiny starts services of its own", fix="give one of --tiny and --running")
    stack = _stack()
    try:
        if tiny:
            perform_tiny(stack.home)
        elif running:
            perform_on_running()
        else:
            perform(stack)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def down() -> None:
    """Stop all services; data stay."""
    from nightshift.demo.tiny import stop_tiny
    from nightshift.stack.show import Progress, print_line

    stack = _stack()
    with Progress() as progress:
        stopped = stack.down(progress.on_event)
        stopped |= stop_tiny(stack.home, progress.on_event)
    print_line("stopped; `nightshift up` brings everything back" if stopped else "nothing was running")


@app.command()
def status() -> None:
    """Show each service, and how to log in; exit 3 when not all are up."""
    from nightshift.stack.show import print_logins, print_status

    stack = _stack()
    services = stack.status()
    print_status(services)
    if any(service.state == "up" for service in services):
        print_logins(stack)
    if any(service.state != "up" for service in services):
        raise typer.Exit(NOT_ALL_UP)


@app.command()
def env(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of shell commands.")] = False,
) -> None:
    """Print the environment for other tools: eval "$(nightshift env)"."""
    import json

    from nightshift.stack.environment import exports

    values = _started_stack().env()
    text = json.dumps(values, indent=2) if as_json else exports(values)
    typer.echo(text)


@app.command()
def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Also read all that the lake's records name, against their digests.")
    ] = False,
) -> None:
    """Try the store, the services, the packages and the disk; exit 1 when the store cannot be trusted."""
    from nightshift.settings import export_env, settings
    from nightshift.stack.doctor import examine, require_trusted
    from nightshift.stack.show import print_findings

    export_env(settings())
    findings = examine(settings())
    print_findings(findings)
    require_trusted(findings)
    if deep:
        _examine_lake()


def _examine_lake() -> None:
    """A line for each damaged thing, with what mends it; exit 1 when there is one."""
    from nightshift.cli.output import open_stores
    from nightshift.steps.doctor import examine_lake
    from nightshift.terminal import ProgressView

    with ProgressView() as view:
        findings = examine_lake(open_stores(), view.on_progress)
    for error in findings.damaged:
        typer.echo(f"damaged: {error.message} -> {error.fix}")
    typer.echo(f"{findings.examined:,} things of the lake were read: {len(findings.damaged):,} are damaged")
    if findings.damaged:
        raise typer.Exit(1)
