"""The verbs of people whom alarms wake: look at them, say that they are known, or want to hear of none for a while."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.model import JsonOption, ModelArgument
from nightshift.cli.output import open_model, say, say_as_json, say_next
from nightshift.errors import plain

if TYPE_CHECKING:
    from nightshift.steps.episodes import EpisodeFacts

app = typer.Typer()
WhyOption = Annotated[str, typer.Option(help="For the ledger, and whoever looks for the alarm.", show_default=False)]


@app.command()
def episodes(model: ModelArgument, as_json: JsonOption = False) -> None:
    """List a model's alarms, an episode each: open or closed, acknowledged, and the retrain that it started."""
    from nightshift.steps.episodes import episodes

    spec, stores = open_model(model)
    listed = episodes(spec, stores)
    if as_json:
        say_as_json({"episodes": [asdict(facts) for facts in listed]})
        return
    for facts in listed:
        _tell(facts)
    if not listed:
        typer.echo(f"{model} has no alarm")


def _tell(facts: "EpisodeFacts") -> None:
    """An episode a line: its id, how long, whether it is over, its retrain, and what a person said."""
    words = [f"{facts.nights} nights to {facts.last_night}", facts.state, facts.retrain, facts.silenced]
    told = "  ".join(word for word in words if word)
    typer.echo(plain(f"{facts.episode}  {told}", kept=""))


@app.command()
def acknowledge(
    model: ModelArgument,
    episode: Annotated[str, typer.Argument(help="As nightshift episodes names it.", show_default=False)],
    *,
    why: WhyOption,
) -> None:
    """Acknowledge an alarm: while its episode lasts it wakes nobody any more, and starts no retrain."""
    from nightshift.steps.acknowledge import acknowledge

    spec, stores = open_model(model)
    silence = acknowledge(spec, episode, stores, why=why)
    say({"acknowledged": episode, "by": silence.by, "why": silence.why})
    say_next(f"nightshift episodes {model}")


@app.command()
def mute(
    model: ModelArgument,
    until: Annotated[str, typer.Option(help="The last night of which nothing is heard, YYYY-MM-DD.")],
    *,
    why: WhyOption,
) -> None:
    """Mute a model's alarms until a night: nobody is woken, and no retrain starts. The last mute counts."""
    from nightshift.steps.mute import mute

    spec, stores = open_model(model)
    silence = mute(spec, until, stores, why=why)
    say({"muted": f"nights from {silence.since} to {silence.until}", "by": silence.by, "why": silence.why})
    say_next(f"nightshift episodes {model}")
