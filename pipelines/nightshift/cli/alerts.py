"""The verbs of alerts: what people were told, whether each channel gets through, and to tell what is due."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightshift.cli.model import JsonOption
from nightshift.cli.output import open_stores, say_as_json, say_next
from nightshift.errors import plain

if TYPE_CHECKING:
    from nightshift.alerts.incident import Incident

app = typer.Typer(help="What people were told, and by which channels.")


@app.callback(invoke_without_command=True)
def alerts(context: typer.Context) -> None:
    """Let `nightshift alerts` alone list them."""
    if context.invoked_subcommand is None:
        list_alerts()


@app.command("list")
def list_alerts(as_json: JsonOption = False) -> None:
    """List the alerts that are not over, and those of which not all was sent."""
    from nightshift.steps.alerts import open_alerts

    incidents = open_alerts(open_stores())
    if as_json:
        say_as_json({"alerts": [incident.model_dump(mode="json") for incident in incidents]})
        return
    for incident in incidents:
        _tell(incident)
    if not incidents:
        typer.echo("no alert is open")


def _tell(incident: "Incident") -> None:
    alert = incident.alert("opened")
    state = f"over: {incident.recovered}" if incident.recovered else "open"
    typer.echo(plain(f"{alert.id}  {state}  {alert.title}", kept=""))
    typer.echo(plain(f"  models: {', '.join(alert.models)}  next: {alert.next_command}", kept=""))
    for place, delivery in incident.deliveries.items():
        typer.echo(plain(f"  {place}: {delivery.state}, tries: {delivery.tries}", kept=""))


@app.command("test")
def try_each(
    channel: Annotated[str | None, typer.Argument(help="Only this one of alerts.toml.", show_default=False)] = None,
) -> None:
    """Send a test to each channel of alerts.toml, and say what came of it; exit 1 when one does not get through."""
    from nightshift.settings import export_env, settings
    from nightshift.steps.alerts import try_channels

    export_env(settings())
    outcomes = try_channels(settings(), channel, of_connection)
    for name, failure in outcomes.items():
        typer.echo(plain(f"{name}: {failure or 'sent'}", kept=""))
    if any(outcomes.values()):
        raise typer.Exit(1)


@app.command()
def tell(
    model: Annotated[str | None, typer.Argument(help="Only of this model.", show_default=False)] = None,
) -> None:
    """Tell what is due by the lake alone: late nights, alarms, what was not sent yet; for a clock without Airflow."""
    from nightshift.spec import find_spec, load_specs
    from nightshift.steps.tell import tell

    stores = open_stores()
    models = stores.settings.models
    specs = load_specs(models) if model is None else [find_spec(models, model)]
    told = tell(specs, stores, of_connection)
    for incident in told:
        _tell(incident)
    say_next("nightshift alerts list")


def of_connection(channel: Any) -> Any:
    """Of Airflow, which is asked only where alerts.toml names a connection of it."""
    from nightshift.orchestration.connections import of_connection

    return of_connection(channel)
