"""The verbs that look after the nights that are there: take them back, move them, heal them.

Like the verbs of a model, each imports its step when it runs, and calls it by the step's own name.
"""

from typing import Annotated

import typer

from nightshift.cli.model import ModelArgument, NightArgument
from nightshift.cli.output import open_model, say, say_next
from nightshift.datasets import KEEP_DAYS, Dataset

app = typer.Typer()

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
OlderThanOption = Annotated[float, typer.Option(help="Leave what changed in the last DAYS.", metavar="DAYS")]


@app.command()
def retract(
    model: ModelArgument,
    night: NightArgument,
    dataset: Annotated[Dataset, typer.Option("--from", help="Take this back, and all that was made from it.")] = (
        Dataset.RAW
    ),
    why: Annotated[str, typer.Option(help="For whoever looks for the night.")] = "by hand",
) -> None:
    """Take a night back: nobody reads a row of it until it is made anew. Also for a night whose manifest is damaged."""
    from nightshift.steps.retract import retract

    spec, stores = open_model(model)
    say(retract(spec, night, stores, dataset=dataset, why=why))


@app.command()
def retire(
    model: ModelArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    why: Annotated[str, typer.Option(help="For whoever looks for its nights.")] = "the model was retired",
) -> None:
    """Retire a model with its data: its Dags go, and all its nights are taken back. Done again, it finishes."""
    from nightshift.cli.output import open_stores
    from nightshift.contracts import Dataset
    from nightshift.steps.retire import find_retiring, nights_left, retire

    stores = open_stores()
    spec = find_retiring(stores.settings.models, model)
    nights = len(nights_left(spec, stores)[Dataset.RAW])
    if not yes:
        typer.confirm(f"take back {nights} nights of {model}, and its Dags?", abort=True)
    say(retire(spec, stores, why=why))


@app.command()
def migrate(model: ModelArgument) -> None:
    """Move all nights to the partition column that model.yaml has now; done again, it goes on where it ended."""
    from nightshift.steps.migrate import migrate
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        migrated = migrate(spec, stores, say=typer.echo, progress=view.on_progress)
    say(migrated)
    say_next(f"nightshift maintain {model} --dry-run")


@app.command()
def maintain(model: ModelArgument, dry_run: DryRunOption = False, older_than: OlderThanOption = KEEP_DAYS) -> None:
    """Heal nights that a crash left behind, collect files that no manifest names and uploads that never ended."""
    from nightshift.pages.refresh import refresh
    from nightshift.steps.maintain import maintain
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        maintained = maintain(
            spec,
            stores,
            older_than_days=older_than,
            dry_run=dry_run,
            say=typer.echo,
            progress=view.on_progress,
        )
    if not dry_run:
        refresh(spec, stores, wholly=True)
    say(maintained)


# People may have it in scripts; it goes with the release after 0.1.
@app.command(hidden=True)
def gc(model: ModelArgument, dry_run: DryRunOption = False, older_than: OlderThanOption = KEEP_DAYS) -> None:
    """Do what ``maintain`` does, under its former name."""
    typer.secho("warning: `nightshift gc` is `nightshift maintain` now", fg=typer.colors.YELLOW, err=True)
    maintain(model, dry_run, older_than)
