"""The verbs of a canary: who scores a share of the rows, and the readout of both versions."""

from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.model import JsonOption, ModelArgument
from nightshift.cli.output import open_model, say, say_as_json, say_next

if TYPE_CHECKING:
    from nightshift.modelling.metrics import Difference
    from nightshift.spec import ModelSpec
    from nightshift.steps.ab import Readout
    from nightshift.stores import Stores

app = typer.Typer()
MOST_SECONDS = 25.0
"""Of telling people; what they hear or not changes no verdict."""


@app.command()
def canary(
    model: Annotated[str, typer.Argument(metavar="MODEL[@VERSION]", help="A model, or a version.", show_default=False)],
    night: Annotated[
        str | None, typer.Argument(help="Let its nights decide, as the run of this one does.", show_default=False)
    ] = None,
    share: Annotated[
        float | None, typer.Option(help="Of the rows; by default model.yaml's canary.share.", show_default=False)
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="The champion scores all rows again.")] = False,
    why: Annotated[str, typer.Option(help="For the ledger.")] = "by hand",
) -> None:
    """Let a version score a share of the rows, let its nights decide, or tell what they say so far."""
    from nightshift.steps.canary import put_as_canary, stop_canary

    name, _, version = model.partition("@")
    spec, stores = open_model(name)
    if stop:
        say(stop_canary(spec, why, stores))
    elif version:
        say(put_as_canary(spec, version, why, stores, share))
        say_next(f"nightshift predict {name} NIGHT, then nightshift canary {name} NIGHT")
    elif night:
        _judge(spec, night, stores)
    else:
        _tell(spec, stores)


def _judge(spec: "ModelSpec", night: str, stores: "Stores") -> None:
    from nightshift.alerts.sending import within
    from nightshift.cli.alerts import of_connection
    from nightshift.steps.canary_verdict import canary_verdict, taken_back
    from nightshift.steps.tell import tell_taken_back

    spec.require_night(night)
    verdict = canary_verdict(spec, night, stores)
    if verdict is None:
        typer.echo(f"{spec.name}: there is no canary")
        return
    say(verdict)

    def tell() -> None:
        tell_taken_back(verdict, night, stores, of_connection)

    if verdict.outcome == "harmful":
        within(MOST_SECONDS, tell, "telling that a canary was taken back")
        raise taken_back(verdict)


def _tell(spec: "ModelSpec", stores: "Stores") -> None:
    from nightshift.monitoring.shadow.nights import newest_published
    from nightshift.steps.canary_verdict import canary_evidence, canary_in_short

    newest = newest_published(spec, stores) or spec.partition.start.isoformat()
    evidence = canary_evidence(spec, newest, stores)
    if evidence is None:
        typer.echo(f"{spec.name}: there is no canary")
    else:
        say(canary_in_short(spec, evidence))


@app.command()
def ab(
    model: ModelArgument,
    first: Annotated[str | None, typer.Option("--from", help="The first night.", show_default=False)] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last night.", show_default=False)] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what champion and canary did with their rows, by nights, with intervals of each and of the difference."""
    from nightshift.steps.ab import ab

    spec, stores = open_model(model)
    readout = ab(spec, stores, first, last)
    if as_json:
        say_as_json(readout)
    else:
        _tell_readout(readout)


def _tell_readout(readout: "Readout") -> None:
    say({
        "nights": f"{readout.first} to {readout.last}: {readout.nights}, with labels {readout.labelled_nights}",
        f"champion {readout.champion}": _rows(readout, readout.champion),
        f"canary {readout.canary}": _rows(readout, readout.canary),
    })
    for reading in readout.readings:
        if reading.difference is None:
            continue
        name = f"{readout.metric} of a row" if reading.name == "loss" else reading.name
        typer.echo(f"{name}, {reading.nights} nights, {readout.confidence:.0%} intervals")
        say({
            f"  champion {readout.champion}": _interval(reading.champion),
            f"  canary {readout.canary}": _interval(reading.canary),
            "  difference, for one look": _interval(reading.difference),
            "  difference, for a look every night": _interval(reading.sequence),
        })


def _rows(readout: "Readout", version: str) -> str:
    return f"{readout.rows[version]} rows, {readout.labelled[version]} with labels"


def _interval(known: "Difference | None") -> str:
    if known is None:
        return "too few nights, or all alike"
    return f"{known.mean:+.4g} ({known.low:+.4g} to {known.high:+.4g})"
