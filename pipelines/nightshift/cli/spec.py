"""The verbs of a model.yaml: ``nightshift new`` drafts one from data, ``nightshift check`` reads them all."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from nightshift.cli.output import open_stores, say_next
from nightshift.errors import plain

if TYPE_CHECKING:
    from nightshift.authoring.new import NewModel
    from nightshift.spec import ModelSpec
    from nightshift.spec.label import LabelKind

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
    label_type: Annotated[
        str | None, typer.Option(help="binary, multiclass, regression, quantile or multilabel; by default seen.")
    ] = None,
    delay_days: Annotated[int, typer.Option(help="Days until the outcomes of a night are known.", min=0)] = 1,
    timezone: Annotated[str, typer.Option(help="Of the schedule, and of times without a zone.")] = "UTC",
    force: Annotated[bool, typer.Option("--force", help="Write over a model.yaml that is there.")] = False,
) -> None:
    """Look through data and write models/NAME/model.yaml, with a comment on where each number came from."""
    from nightshift.authoring.new import NewModelRequest, new
    from nightshift.settings import settings

    request = NewModelRequest(
        name=name,
        data=_from_project(data, settings().project),
        label=label,
        keys=_split(keys),
        partition_by=partition_by,
        label_type=_label_type(label_type),
        delay_days=delay_days,
        timezone=timezone,
        force=force,
    )
    _say_new(new(request, settings()))


def _say_new(model: "NewModel") -> None:
    for note in model.notes:
        typer.echo(plain(note))
    for warning in model.warnings:
        _warn(warning)
    typer.echo(
        f"{model.file}: {model.label_type}, {model.features} features, {model.rows:,} rows of {model.nights} nights"
    )
    typer.echo("its Dags appear in Airflow by themselves, paused: unpause them there once it has a champion")
    say_next(f"read it, then: nightshift check {Path(model.file).parent.name}")


def _from_project(data: str, project: Path) -> str:
    """A path as model.yaml keeps it: under the project relative to it, so that it holds for every worker."""
    if "://" in data:
        return data
    path = Path(data).expanduser().absolute()
    if path.is_relative_to(project):
        path = path.relative_to(project)
    return str(path)


def _split(options: list[str]) -> tuple[str, ...]:
    """The column names of ``--keys a,b --keys c``."""
    names = [name.strip() for option in options for name in option.split(",")]
    return tuple(name for name in names if name)


def _label_type(name: str | None) -> "LabelKind | None":
    from nightshift.errors import UsageError
    from nightshift.spec.label import LabelKind

    allowed = get_args(LabelKind)
    if name is not None and name not in allowed:
        raise UsageError(f"--label-type: got {name!r}, allowed: {', '.join(allowed)}")
    return cast("LabelKind | None", name)


@app.command()
def check(
    model: Annotated[str | None, typer.Argument(help="Only this folder of models/.", show_default=False)] = None,
    leaks: Annotated[
        bool, typer.Option("--leaks", help="Warn of features that alone tell the label, on the lake's last nights.")
    ] = False,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema of model.yaml instead.")] = False,
) -> None:
    """Check models/*/model.yaml, and try each trainer on made-up rows; exit 1 when one is wrong. Leaks are warnings."""
    from nightshift.spec import ModelSpec

    if schema:
        typer.echo(json.dumps(ModelSpec.model_json_schema(), indent=2))
        return
    specs = [_checked(path) for path in _spec_files(model)]
    good = [spec for spec in specs if spec is not None]
    _look_for_labels(good)
    _look_at_champions(good)
    _look_at_channels()
    if leaks:
        for spec in good:
            _warn_of_leaks(spec)
    if len(good) < len(specs):
        raise typer.Exit(1)
    if model:
        _say_load(good[0])


def _say_load(spec: "ModelSpec") -> None:
    first = spec.partition.start.isoformat()
    say_next(f"nightshift load {spec.name} {first} NIGHT, with the last night that has data and labels")


def _spec_files(model: str | None) -> list[Path]:
    """The specs to check. Raises ``UsageError`` when there is no model of that name."""
    from nightshift.settings import settings
    from nightshift.spec import find_spec, spec_files

    models = settings().models
    paths = spec_files(models)
    if model is None:
        if not paths:
            typer.echo(f"{models} has no model yet; `nightshift new` drafts one from data")
        return paths
    named = [path for path in paths if path.parent.name == model]
    if not named:
        find_spec(models, model)
    return named


def _checked(path: Path) -> "ModelSpec | None":
    """The spec, or None after its errors were shown."""
    from nightshift.errors import SpecError, UsageError
    from nightshift.spec import load_spec
    from nightshift.steps.check import beyond_float32, try_training

    try:
        spec = load_spec(path)
        try_training(spec)
    except SpecError as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        return None
    except UsageError as error:
        _warn(error.message)
    typer.echo(f"{spec.name}: good ({len(spec.columns)} columns, {len(spec.features)} features)")
    for warning in beyond_float32(spec):
        _warn(warning, of=f"{spec.name}: ")
    label = spec.label
    if label.positive is not None and label.negative is None:
        advice = "label.negative is missing: write the text that means no, so that no other is taken as one"
        _warn(advice, of=f"{spec.name}: ")
    return spec


def _look_for_labels(specs: list["ModelSpec"]) -> None:
    """Warn of label files that are not there yet: a pattern with a slip would wait for them for ever."""
    from nightshift.errors import NightshiftError
    from nightshift.steps.check import no_label_files

    with_own = [spec for spec in specs if spec.label.own_source is not None]
    for spec in with_own:
        try:
            warning = no_label_files(spec, open_stores())
        except NightshiftError as error:
            typer.echo(f"{spec.name}: the files of label.source were not looked at: {error.message}")
            continue
        if warning:
            _warn(warning, of=f"{spec.name}: ")


def _look_at_champions(specs: list["ModelSpec"]) -> None:
    """Warn of champions that could not score now; that none could be asked is said, and is no mistake of a spec."""
    from nightshift.errors import NightshiftError
    from nightshift.settings import settings
    from nightshift.steps.check import unlike_champion

    if not specs:
        return
    if not settings().mlflow_uri:
        typer.echo("champions were not looked at: MLFLOW_TRACKING_URI is not set")
        return
    stores = open_stores()
    for spec in specs:
        try:
            difference = unlike_champion(spec, stores)
        except NightshiftError as error:
            typer.echo(f"champions were not looked at: {error.message}")
            return
        if difference:
            _warn(difference, of=f"{spec.name}: ")


def _look_at_channels() -> None:
    """Warn of channels of alerts that cannot be opened here. Raises ``UsageError`` for an alerts.toml that is wrong."""
    from nightshift.settings import settings
    from nightshift.steps.alerts import broken_channels

    for name, reason in broken_channels(settings()).items():
        _warn(reason, of=f"alerts.toml: {name}: ")


def _warn_of_leaks(spec: "ModelSpec") -> None:
    from nightshift.authoring.leaks import look

    for leak in look(spec, open_stores()):
        _warn(leak, of=f"{spec.name}: ")


def _warn(text: str, of: str = "") -> None:
    typer.secho(f"{of}warning: {plain(text)}", fg=typer.colors.YELLOW, err=True)
