"""The verbs of a model: ``nightshift VERB MODEL NIGHT`` calls the step that the Dag task of that name calls."""

import json
from pathlib import Path
from typing import Annotated

import typer

from nightshift.cli.output import open_model, say
from nightshift.contracts import KEEP_DAYS

app = typer.Typer()

ModelArgument = Annotated[str, typer.Argument(help="A folder of models/.", show_default=False)]
NightArgument = Annotated[str, typer.Argument(help="The night, as YYYY-MM-DD.", show_default=False)]


@app.command()
def ingest(model: ModelArgument, night: NightArgument) -> None:
    """Bring one night into raw/, and the labels that have arrived by then."""
    from nightshift.errors import NoSourceData
    from nightshift.steps.ingest import ingest as step
    from nightshift.steps.ingest import ingest_labels

    spec, stores = open_model(model)
    say(step(spec, night, stores))
    try:
        say(ingest_labels(spec, spec.labelled_night(night), stores))
    except NoSourceData as notice:
        typer.echo(str(notice))


@app.command()
def validate(model: ModelArgument, night: NightArgument) -> None:
    """Check a raw night with Great Expectations and publish it to validated/, or refuse it."""
    from nightshift.steps.validate import validate as step

    spec, stores = open_model(model)
    say(step(spec, night, stores))


@app.command()
def load(model: ModelArgument, first: NightArgument, last: NightArgument) -> None:
    """Ingest, label and validate all nights of a range that the lake lacks."""
    from nightshift.steps.load import load as step

    spec, stores = open_model(model)
    say(step(spec, first, last, stores))


@app.command()
def snapshot(
    model: ModelArgument,
    night: NightArgument,
    export: Annotated[bool, typer.Option(help="Also write data/ and data.dvc of this project.")] = False,
) -> None:
    """Freeze the training data as of a night in DVC and push it."""
    from nightshift.steps.snapshot import snapshot as step

    spec, stores = open_model(model)
    frozen = step(spec, night, stores)
    say(frozen)
    if export:
        typer.echo(f"wrote {stores.snapshots.export(frozen.md5)}; commit it to git")


@app.command()
def train(
    model: ModelArgument,
    night: NightArgument,
    data: Annotated[Path | None, typer.Option(help="Train on this folder (data/ of data.dvc).")] = None,
    promote: Annotated[bool, typer.Option(help="Move the champion alias when the gate is passed.")] = True,
    out: Annotated[Path | None, typer.Option(help="Write the verdict as JSON, for dvc metrics.")] = None,
) -> None:
    """Train as of a night: snapshot, train, register, optimize, evaluate, promote."""
    from nightshift.steps.evaluate import evaluate
    from nightshift.steps.optimize import optimize
    from nightshift.steps.promote import promote as move
    from nightshift.steps.snapshot import adopt
    from nightshift.steps.snapshot import snapshot as freeze
    from nightshift.steps.train import register
    from nightshift.steps.train import train as fit

    spec, stores = open_model(model)
    frozen = adopt(spec, night, data, stores) if data else freeze(spec, night, stores)
    verdict = evaluate(spec, optimize(spec, register(spec, fit(spec, frozen, stores), stores), stores), stores)
    say({"version": verdict.candidate.version, "passed": verdict.promote, "because": "; ".join(verdict.reasons)})
    say({name: round(value, 4) for name, value in verdict.metrics.items()})
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps({"passed": verdict.promote, **verdict.metrics}, indent=1) + "\n")
    if promote:
        say(move(spec, verdict, stores))


@app.command()
def predict(
    model: ModelArgument,
    night: NightArgument,
    allow_future_model: Annotated[bool, typer.Option(help="Score a night that the champion was trained on.")] = False,
) -> None:
    """Score a validated night with the champion and publish it."""
    from nightshift.steps.plan import plan
    from nightshift.steps.publish import publish
    from nightshift.steps.score import score

    spec, stores = open_model(model)
    decided = plan(spec, night, stores, allow_future_model=allow_future_model)
    say(publish(spec, decided, [score(spec, decided, shard, stores) for shard in decided.shards], stores))


@app.command()
def monitor(model: ModelArgument, night: NightArgument) -> None:
    """Measure drift and accuracy of a scored night and say whether a retrain is worth it; starts none."""
    from nightshift.steps.govern import govern
    from nightshift.steps.monitor import monitor as step

    spec, stores = open_model(model)
    report = step(spec, night, stores)
    say(report)
    say(govern(spec, report, stores))


@app.command()
def explain(
    model: ModelArgument,
    night: NightArgument,
    key: Annotated[
        list[str] | None,
        typer.Option(help="One row, by all its key columns: --key NAME=VALUE ...", metavar="NAME=VALUE"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say where a published night, or one row of it, came from."""
    from nightshift.steps.explain import explain as step

    spec, stores = open_model(model)
    found = step(spec, night, stores, key=tuple(key or ()))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        say(found)


@app.command()
def rollback(
    model: ModelArgument,
    to: Annotated[str | None, typer.Option(help="The version to go back to; by default the one before.")] = None,
    why: Annotated[str, typer.Option(help="For the ledger.")] = "by hand",
) -> None:
    """Give the champion alias back to an earlier version."""
    from nightshift.steps.promote import rollback as step

    spec, stores = open_model(model)
    say(step(spec, stores, to=to, why=why))


@app.command()
def gc(
    model: ModelArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    older_than: Annotated[float, typer.Option(help="Leave what changed in the last DAYS.", metavar="DAYS")] = KEEP_DAYS,
) -> None:
    """Heal nights that a crash left behind, collect files that no manifest names and uploads that never ended."""
    from nightshift.steps.maintain import maintain

    spec, stores = open_model(model)
    say(maintain(spec, stores, older_than_days=older_than, dry_run=dry_run, say=typer.echo))
