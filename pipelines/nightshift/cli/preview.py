"""The verb that says what a change would move: ``nightshift preview``."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nightshift.cli.model import JsonOption, ModelArgument
from nightshift.cli.output import open_model, say, say_as_json, say_next

if TYPE_CHECKING:
    from nightshift.releases.nights import NightCount
    from nightshift.releases.spec_changes import SpecChange
    from nightshift.steps._preview_training import TrainingPreview
    from nightshift.steps.preview import Preview

app = typer.Typer()
NOTHING = "nothing"


@app.command()
def preview(
    model: ModelArgument,
    as_of: Annotated[
        str | None,
        typer.Option(help="Preview a training as of this night; by default the newest validated.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what model.yaml and code as they are now would train, score and publish anew; nothing is run."""
    from nightshift.steps.preview import preview
    from nightshift.terminal import ProgressView

    spec, stores = open_model(model)
    with ProgressView() as view:
        seen = preview(spec, stores, as_of=as_of, progress=view.on_progress)
    if as_json:
        say_as_json(seen)
        return
    say(_facts(seen))
    say_next(_next(seen))


def _facts(seen: "Preview") -> dict[str, Any]:
    against = f"version {seen.champion}, trained through {seen.trained_through}" if seen.champion else "no champion"
    facts: dict[str, Any] = {
        "against": against,
        "model.yaml": _changes(seen.changes) or _unchanged(seen),
        "training": _training(seen.training),
        "scoring": _scoring(seen),
    }
    if seen.columns:
        facts["published columns"] = seen.columns
    if seen.note:
        facts["note"] = seen.note
    return facts


def _changes(changes: "list[SpecChange]") -> dict[str, str]:
    shown = {}
    for change in changes:
        text = f"{_value(change.now)}, was {_value(change.was)}"
        shown[change.key] = f"{text}: {change.about}" if change.about else text
    return shown


def _unchanged(seen: "Preview") -> str:
    if seen.champion is None:
        return "the first"
    return "not known" if seen.note else "as it was when the champion was trained"


def _value(value: Any) -> str:
    import json

    return "not written" if value is None else json.dumps(value, ensure_ascii=False)


def _training(training: "TrainingPreview") -> dict[str, Any]:
    because = f": {', '.join(training.because)}" if training.because else ""
    window = training.window
    facts: dict[str, Any] = {
        "recipe": f"{training.recipe}{because}",
        "starts": training.starts,
        "as of": window.as_of or None,
        "learns from": _count(window.learns_from),
        "joined anew": _count(window.joined_anew),
        "brought again": _count(window.brought_again),
        "asked of the source": f"{window.not_there} nights that are not there",
        "fits": f"{training.fits} at most",
        "gate": training.gate,
    }
    if training.search:
        facts["search"] = training.search
    if training.computed_by:
        facts["computed by"] = training.computed_by
    if window.why_not:
        facts["cannot"] = window.why_not
    return facts


def _scoring(seen: "Preview") -> dict[str, Any] | str:
    scoring = seen.scoring
    if scoring is None:
        return "nothing is scored before there is a champion"
    facts: dict[str, Any] = {}
    if seen.cannot_score:
        facts["cannot"] = seen.cannot_score
    facts |= {
        "waiting for a score": _count(scoring.waiting),
        "otherwise, if scored again": _count(scoring.scored_again),
        "because": _counts(scoring.because) or NOTHING,
        "as they are": _count(scoring.as_they_are),
    }
    if scoring.kept:
        facts["not made anew"] = _counts(scoring.kept)
    facts["starts"] = "waiting nights by their run; what is published, by nobody: nightshift predict MODEL NIGHT"
    return facts


def _counts(by_reason: "Mapping[str, NightCount]") -> dict[str, str]:
    counts = {}
    for why, nights in by_reason.items():
        counts[why] = _count(nights)
    return counts


def _count(nights: "NightCount") -> str:
    if not nights.nights:
        return NOTHING
    count = f"{nights.nights:,} nights"
    span = f"{nights.first} to {nights.last}"
    if nights.nights == 1:
        count = "1 night"
        span = str(nights.first)
    return f"{count} of {nights.rows:,} rows, {span}"


def _next(seen: "Preview") -> str:
    if seen.needs_training:
        return f"nightshift train {seen.model} {seen.training.window.as_of or 'NIGHT'}"
    scoring = seen.scoring
    if scoring and scoring.scored_again.nights:
        return f"nightshift predict {seen.model} NIGHT, for each published night that should be scored again"
    return "nothing has to run for this"
