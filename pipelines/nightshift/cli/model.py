"""The verbs of a model: ``nightshift VERB MODEL NIGHT`` does what the Dag ``<model>.VERB`` does, without Airflow.

Each imports its steps when it runs, so that the command line starts quickly; and calls them by their own names,
which hide the verb's.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from nightshift import logs
from nightshift.cli.output import open_model, say, say_as_json, say_next

if TYPE_CHECKING:
    from nightshift.contracts import Verdict
    from nightshift.errors import DataError
    from nightshift.spec import ModelSpec

app = typer.Typer()

ModelArgument = Annotated[str, typer.Argument(help="A folder of models/.", show_default=False)]


def _is_about(night: str) -> str:
    """Of several the last is the one in the lines of the log."""
    logs.bind(night=night)
    return night


NightArgument = Annotated[str, typer.Argument(help="The night, as YYYY-MM-DD.", show_default=False, callback=_is_about)]
DIGITS_TO_TYPE = 12
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command()
def ingest(model: ModelArgument, night: NightArgument) -> None:
    """Bring one night into raw/, and the labels that have arrived by then."""
    from nightshift.errors import DataError
    from nightshift.steps.ingest import ingest, ingest_arrived_labels

    spec, stores = open_model(model)
    spec.require_night(night)
    refusals: list[DataError] = []
    brought = False
    try:
        say(ingest(spec, night, stores))
        brought = True
    except DataError as error:
        # In Airflow they are two tasks, of which neither waits for the other.
        refusals.append(error)
    try:
        for labels in ingest_arrived_labels(spec, night, stores):
            say(labels)
    except DataError as error:
        refusals.append(error)
    _say_refusals(refusals)
    if brought:
        say_next(f"nightshift validate {model} {night}")


def _say_refusals(refusals: "list[DataError]") -> None:
    """What there is nothing of is a notice; the first other error ends the verb."""
    from nightshift.errors import NoSourceData

    faults = []
    for error in refusals:
        if isinstance(error, NoSourceData):
            typer.echo(str(error))
        else:
            faults.append(error)
    for error in faults[1:]:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
    for error in faults:
        raise error


@app.command()
def validate(model: ModelArgument, night: NightArgument) -> None:
    """Check a raw night with Great Expectations and publish it to validated/, or refuse it."""
    from nightshift.steps.validate import validate

    spec, stores = open_model(model)
    say(validate(spec, night, stores))
    say_next(f"nightshift predict {model} {night}")


@app.command()
def load(model: ModelArgument, first: NightArgument, last: NightArgument) -> None:
    """Ingest, label and validate all nights of a range that the lake lacks."""
    from nightshift.concurrency import cores
    from nightshift.steps.load import load
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        loaded = load(spec, first, last, stores, view.on_progress, workers=cores())
    say(loaded)
    if loaded.loaded or loaded.already_there:
        say_next(f"nightshift train {model} {_sees(spec, last)}")


def _sees(spec: "ModelSpec", night: str) -> str:
    """The first night whose run sees the labels of this one."""
    from nightshift.partitions import shifted

    return shifted(night, spec.label.delay_days)


@app.command()
def snapshot(
    model: ModelArgument,
    night: NightArgument,
    export: Annotated[bool, typer.Option(help="Also write data/ and data.dvc of this project.")] = False,
) -> None:
    """Freeze the training data as of a night in DVC and push it."""
    from nightshift.steps.snapshot import snapshot
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        frozen = snapshot(spec, night, stores, view.on_progress)
    say(frozen)
    if export:
        pointer = stores.snapshots.export(frozen.md5)
        typer.echo(f"wrote {pointer}; commit it to git")
    say_next(f"nightshift train {model} {night}")


@app.command()
def train(
    model: ModelArgument,
    night: NightArgument,
    data: Annotated[Path | None, typer.Option(help="Train on this folder (data/ of data.dvc).")] = None,
    move: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Move the champion alias when the gate is passed.")
    ] = True,
    out: Annotated[Path | None, typer.Option(help="Write the verdict as JSON, for dvc metrics.")] = None,
) -> None:
    """Train as of a night: snapshot, train, register, optimize, evaluate, promote."""
    from nightshift.steps.promote import promote
    from nightshift.steps.retrain import train_and_gate
    from nightshift.steps.snapshot import adopt, snapshot
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        frozen = adopt(spec, night, data, stores) if data else snapshot(spec, night, stores, view.on_progress)
        verdict = train_and_gate(spec, frozen, stores, view.on_progress)
    _say_verdict(verdict)
    if out:
        _write_verdict(verdict, out)
    waits_for = ""
    if move:
        promotion = promote(spec, verdict, stores)
        waits_for = promotion.waits_for
        say(promotion)
    _, url = stores.registry.run(verdict.candidate.trained.run_id)
    say({"mlflow": url})
    if waits_for:
        say_next(f"look at the run, then, for it to score: nightshift approve {model} {waits_for[:DIGITS_TO_TYPE]}")
    elif move and verdict.promote:
        night_by_night = " && ".join(f"nightshift {verb} {model} {night}" for verb in ("ingest", "validate", "predict"))
        say_next(night_by_night)
    else:
        say_next("look at the run, and at docs/first-run.md: when the gate says no")


def _say_verdict(verdict: "Verdict") -> None:
    reasons = "; ".join(verdict.reasons)
    say({"version": verdict.candidate.version, "passed": verdict.promote, "because": reasons})
    say({name: round(value, 4) for name, value in verdict.metrics.items()})


def _write_verdict(verdict: "Verdict", file: Path) -> None:
    import json

    facts = {"passed": verdict.promote, **verdict.metrics}
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


@app.command()
def predict(
    model: ModelArgument,
    night: NightArgument,
    allow_future_model: Annotated[
        bool, typer.Option(help="Score a night that the version was trained on which should score it.")
    ] = False,
    engine: Annotated[
        Literal["airflow", "ray", "spark"] | None,
        typer.Option(help="Whose workers score the shards, for this night; model.yaml's by default."),
    ] = None,
) -> None:
    """Score a validated night with the champion and publish it."""
    from nightshift.steps.predict import predict
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        published = predict(
            spec, night, stores, allow_future_model=allow_future_model, engine=engine, progress=view.on_progress
        )
    say(published)
    say_next(f"nightshift monitor {model} {night}")


@app.command()
def monitor(model: ModelArgument, night: NightArgument) -> None:
    """Measure drift and accuracy of a scored night and say whether a retrain is worth it; starts none."""
    from nightshift.pages.refresh import refresh
    from nightshift.steps.govern import govern
    from nightshift.steps.monitor import monitor

    spec, stores = open_model(model)
    report = monitor(spec, night, stores)
    say(report)
    say(govern(spec, report, stores))
    refresh(spec, stores)
    say_next(f"nightshift explain {model} {night}")


@app.command()
def explain(
    model: ModelArgument,
    night: NightArgument,
    key: Annotated[
        list[str] | None,
        typer.Option(help="One row, by all its key columns: --key NAME=VALUE ...", metavar="NAME=VALUE"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say where a published night, or one row of it, came from."""
    from nightshift.cli.reasons import with_readable_reasons
    from nightshift.steps.explain import explain

    spec, stores = open_model(model)
    facts = explain(spec, night, stores, key=tuple(key or ()))
    if as_json:
        say_as_json(facts)
    else:
        say(with_readable_reasons(facts))


@app.command()
def approve(
    model: ModelArgument,
    digest: Annotated[str, typer.Argument(help="Of the verdict; its first 8 digits will do.", show_default=False)],
) -> None:
    """Say yes to a verdict that waits for a person: its version becomes the champion."""
    from nightshift.steps.approve import approve

    spec, stores = open_model(model)
    say(approve(spec, digest, stores))


@app.command()
def rollback(
    model: ModelArgument,
    to: Annotated[str | None, typer.Option(help="The version to go back to; by default the one before.")] = None,
    why: Annotated[str, typer.Option(help="For the ledger.")] = "by hand",
    nights: Annotated[int, typer.Option(help="Score so many of the last published nights again.", min=0)] = 0,
) -> None:
    """Give the champion alias back to an earlier version."""
    from nightshift.steps.rescore import rescore
    from nightshift.steps.rollback import rollback
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    say(rollback(spec, stores, to=to, why=why, nights=nights))
    if nights:
        with ProgressView() as view:
            rescored = rescore(spec, nights, stores, view.on_progress)
        say({"scored again": [night.partition for night in rescored]})
    say_next(f"nightshift ledger {model}")


@app.command()
def seal(
    model: ModelArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Vouch for a model's versions and moves from before the seals, or sealed by a key that is to go."""
    from nightshift.steps.seal import plan_seal, seal

    spec, stores = open_model(model)
    shown = plan_seal(spec, stores)
    for reason in shown.left_out.values():
        typer.echo(f"  left out: {reason}")
    if not shown.things:
        typer.echo(f"{model}: everything is sealed by the first key")
        return
    for line, sha256 in shown.things.items():
        typer.echo(f"  {line} ({sha256[:12]})")
    if not yes:
        typer.confirm(f"you know that this is right, and may say what scores for {model}?", abort=True)
    say(seal(spec, stores, shown))
