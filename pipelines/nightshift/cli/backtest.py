"""The verb that judges nights once more: ``nightshift backtest``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nightshift.cli.model import JsonOption, ModelArgument
from nightshift.cli.output import open_model, say_as_json, say_next

if TYPE_CHECKING:
    from nightshift.monitoring.backtest.result import Backtest

app = typer.Typer()

FromOption = Annotated[str, typer.Option("--from", help="The first night, as YYYY-MM-DD.", show_default=False)]
ToOption = Annotated[str, typer.Option("--to", help="The last night, as YYYY-MM-DD.", show_default=False)]


@app.command()
def backtest(
    model: ModelArgument,
    first: FromOption,
    last: ToOption,
    once_per_nights: Annotated[
        float | None,
        typer.Option(help="Try another promise than drift of model.yaml.", min=2, max=1_000_000, show_default=False),
    ] = None,
    retrain_nights: Annotated[
        int | None, typer.Option(help="Try another retrain.nights than model.yaml has.", min=1, show_default=False)
    ] = None,
    faults: Annotated[bool, typer.Option(help="Also try how soon faults would be seen.")] = True,
    out: Annotated[
        Path | None, typer.Option(help="The page; by default among the state of the stack.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Judge the scored nights of a range again, each as of itself, and say what would have alarmed and retrained."""
    from nightshift.steps.backtest import backtest
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        judged = backtest(
            spec,
            first,
            last,
            stores,
            once_per_nights=once_per_nights,
            retrain_nights=retrain_nights,
            faults=faults,
            progress=view.on_progress,
        )
    if as_json:
        say_as_json(judged)
        return
    page = out or stores.settings.home / "backtests" / f"{model}-{first}-{last}.html"
    _show(judged, model, page)


def _show(judged: "Backtest", model: str, page: Path) -> None:
    from nightshift.cli.backtest_table import show
    from nightshift.monitoring.backtest.page import render

    _write(page, render(judged))
    show(judged, page)
    say_next(f"nightshift explain {model} {_night_to_look_at(judged)}")


def _write(page: Path, text: str) -> None:
    from nightshift.errors import UsageError

    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{page} cannot be written: {error.strerror}", fix="give another place with --out") from error


def _night_to_look_at(judged: "Backtest") -> str:
    """The first that somebody would have been woken on, or the last."""
    if judged.episodes:
        return judged.episodes[0].first_night
    return judged.judged[-1].night
