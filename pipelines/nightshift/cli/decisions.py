"""The verbs of people who decide which version of a model may not score, and who look at what was decided.

Like the verbs of a model, each imports its step when it runs, and calls it by the step's own name.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.model import JsonOption, ModelArgument
from nightshift.cli.output import open_model, say, say_as_json, say_next
from nightshift.errors import plain

if TYPE_CHECKING:
    from nightshift.spec import ModelSpec
    from nightshift.steps.ledger import Story
    from nightshift.stores import Stores

app = typer.Typer()


@app.command()
def withdraw(
    model: Annotated[str, typer.Argument(metavar="MODEL@VERSION", help="A version of a model.", show_default=False)],
    version: Annotated[str | None, typer.Argument(help="The version, if not after an @.", show_default=False)] = None,
    *,
    why: Annotated[str, typer.Option(help="For the ledger, and whoever looks for its nights.", show_default=False)],
) -> None:
    """Withdraw a version for good: it scores nothing any more, and the one before it stands in its place."""
    from nightshift.steps.withdraw import parse_version, withdraw

    name, number = parse_version(model, version)
    spec, stores = open_model(name)
    done = withdraw(spec, number, stores, why=why)
    say(done)
    say_next(f"nightshift ledger {name}")


@app.command()
def shadow(
    model: Annotated[str, typer.Argument(metavar="MODEL[@VERSION]", help="A model, or a version.", show_default=False)],
    night: Annotated[
        str | None, typer.Argument(help="Score this night with it, and let its nights decide.", show_default=False)
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Nobody stands there any more.")] = False,
    why: Annotated[str, typer.Option(help="For the ledger.")] = "by hand",
) -> None:
    """Put a version into the champion's shadow, score a night with it there, or tell what its nights say so far."""
    from nightshift.steps.shadow import put_in_shadow, stop_shadow

    name, _, version = model.partition("@")
    spec, stores = open_model(name)
    if stop:
        say(stop_shadow(spec, why, stores))
    elif version:
        say(put_in_shadow(spec, version, why, stores))
        say_next(f"nightshift predict {name} NIGHT, then nightshift shadow {name} NIGHT")
    elif night:
        _score_in_shadow(spec, night, stores)
    else:
        _tell_of_shadow(spec, stores)


def _score_in_shadow(spec: "ModelSpec", night: str, stores: "Stores") -> None:
    from nightshift.steps.shadow import shadow
    from nightshift.steps.shadow_verdict import shadow_verdict
    from nightshift.terminal import ProgressView

    with ProgressView() as view:
        scored = shadow(spec, night, stores, view.on_progress)
    if scored is None:
        typer.echo(f"{spec.name}: nobody stands in the shadow on {night}")
    else:
        say(scored)
    verdict = shadow_verdict(spec, night, stores)
    if verdict is not None:
        say(verdict)


def _tell_of_shadow(spec: "ModelSpec", stores: "Stores") -> None:
    from nightshift.monitoring.shadow.nights import newest_published
    from nightshift.steps.shadow_verdict import in_short, shadow_evidence

    newest = newest_published(spec, stores) or spec.partition.start.isoformat()
    evidence = shadow_evidence(spec, newest, stores)
    if evidence is None:
        typer.echo(f"{spec.name}: nobody stands in the shadow")
    else:
        say(in_short(spec, evidence))


@app.command()
def ledger(model: ModelArgument, as_json: JsonOption = False) -> None:
    """Tell what was decided about a model, and who stands: promotions, rollbacks, withdrawals."""
    from nightshift.steps.ledger import story

    spec, stores = open_model(model)
    told = story(spec, stores)
    if as_json:
        say_as_json(told)
    else:
        _tell(told)


def _tell(told: "Story") -> None:
    """An entry a line, and who stands now at the end."""
    for entry in told.entries:
        versions = f"{entry.before or '-'} > {entry.after or '-'}"
        if entry.what == "withdrawal":
            versions += f", withdrawn {entry.version}"
        night = entry.night or "-"
        what = f"{entry.number:>6}  {night:<10}  {entry.what:<10}  {versions:<8}"
        why = plain(f"{entry.who}: {entry.why}", kept="")
        typer.echo(f"{what}  {why}")
    say({
        "champion": told.champion,
        "challenger": told.challenger,
        "shadow": told.shadow,
        "canary": told.canary,
        "looks": told.looks,
        "withdrawn": told.withdrawn,
    })
