"""The verbs of a model.yaml: ``nightshift new`` drafts one from data, ``nightshift check`` reads them all."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nightshift.spec import ModelSpec
    from nightshift.spec.learning import LabelKind
    from nightshift.stores import Stores

app = typer.Typer()


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="The new folder of models/.", show_default=False)],
    data: Annotated[str, typer.Option(help="Parquet or CSV: s3://bucket/folder/*.parquet, a path, or a pattern.")],
    label: Annotated[str, typer.Option(help="The column to predict.")],
    partition_by: Annotated[
        str, typer.Option(help="What says the night: a column, a name=date folder of the path, or arrival.")
    ],
    keys: Annotated[list[str], typer.Option(help="Columns that tell the rows of a night apart: a,b or repeated.")],
    label_type: Annotated[str | None, typer.Option(help="binary, multiclass or regression; by default seen.")] = None,
    delay_days: Annotated[int, typer.Option(help="Days until the outcomes of a night are known.", min=0)] = 1,
    timezone: Annotated[str, typer.Option(help="Of the schedule, and of times without a zone.")] = "UTC",
    force: Annotated[bool, typer.Option("--force", help="Write over a model.yaml that is there.")] = False,
) -> None:
    """Look through data and write models/NAME/model.yaml, with a comment on where each number came from."""
    from nightshift.authoring.new import NewModelRequest
    from nightshift.authoring.new import new as step
    from nightshift.settings import settings

    here = settings()
    wish = NewModelRequest(
        name, _from_project(data, here.project), label, tuple(key for given in keys for key in _listed(given)),
        partition_by, _label_type(label_type), delay_days, timezone, force,
    )  # fmt: skip
    made = step(wish, here)
    for warning in made.warnings:
        typer.secho(f"warning: {warning}", fg=typer.colors.YELLOW, err=True)
    typer.echo(f"{made.file}: {made.label_type}, {made.features} features, {made.rows:,} rows of {made.nights} nights")
    typer.echo("next: read it, then `nightshift check`; its Dags appear in Airflow by themselves")


def _from_project(data: str, project: Path) -> str:
    """A path as model.yaml keeps it: under the project relative to it, so that it holds for every worker."""
    if "://" in data:
        return data
    path = Path(data).expanduser().absolute()
    return str(path.relative_to(project)) if path.is_relative_to(project) else str(path)


def _listed(given: str) -> list[str]:
    return [key.strip() for key in given.split(",") if key.strip()]


def _label_type(given: str | None) -> "LabelKind | None":
    from typing import get_args

    from nightshift.errors import UsageError
    from nightshift.spec.learning import LabelKind

    kinds = get_args(LabelKind)
    if given is not None and given not in kinds:
        raise UsageError(f"--label-type: got {given!r}, allowed: {', '.join(kinds)}")
    return next((kind for kind in kinds if kind == given), None)


@app.command()
def check(
    model: Annotated[str | None, typer.Argument(help="Only this folder of models/.", show_default=False)] = None,
    leaks: Annotated[
        bool, typer.Option("--leaks", help="Warn of features that alone tell the label, on the lake's last nights.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of model.yaml instead.")] = False,
) -> None:
    """Check models/*/model.yaml; exit 1 when one is wrong. Leaks are warnings."""
    from nightshift.errors import SpecError
    from nightshift.settings import settings
    from nightshift.spec import ModelSpec, find_spec, load_spec, spec_files
    from nightshift.stores import Stores

    if schema:
        typer.echo(json.dumps(ModelSpec.model_json_schema(), indent=2))
        return
    here, wrong = settings(), 0
    paths = [path for path in spec_files(here.models) if model in {None, path.parent.name}]
    if model is not None and not paths:
        find_spec(here.models, model)
    for path in paths:
        try:
            spec = load_spec(path)
        except SpecError as error:
            wrong += 1
            typer.secho(str(error), fg=typer.colors.RED, err=True)
        else:
            typer.echo(f"{path.parent.name}: good ({len(spec.columns)} columns, {len(spec.features)} features)")
            if leaks:
                _warn_of_leaks(spec, Stores(here, {"by": "nightshift"}))
    if wrong:
        raise typer.Exit(1)


def _warn_of_leaks(spec: "ModelSpec", stores: "Stores") -> None:
    from nightshift.authoring.leaks import look

    for leak in look(spec, stores):
        typer.secho(f"{spec.name}: warning: {leak}", fg=typer.colors.YELLOW, err=True)
