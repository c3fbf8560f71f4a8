"""A first ``models/<model>/model.yaml`` out of data: types, limits, label and trainer, each with its reason."""

import re
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from nightshift.authoring.columns import EarlyNights, SourceFacts
from nightshift.authoring.costs import few_held_out
from nightshift.authoring.draft import SpecDraft, written
from nightshift.authoring.facts import Counted, count
from nightshift.authoring.keys import key_roles
from nightshift.authoring.names import safe_name
from nightshift.authoring.prove import drafted, proven
from nightshift.authoring.request import NewModelRequest
from nightshift.authoring.survey import SourceSummary, survey
from nightshift.authoring.window import held_out_rows
from nightshift.errors import NoSourceData, UsageError
from nightshift.settings import Settings
from nightshift.sources.parts import part_of

__all__ = ["NewModel", "NewModelRequest", "new"]


@dataclass(frozen=True)
class NewModel:
    """Where the spec lies, what a person should look at, and in ``notes`` which rules decided."""

    file: str
    rows: int
    nights: int
    label_type: str
    features: int
    warnings: list[str]
    notes: list[str]


def new(request: NewModelRequest, settings: Settings) -> NewModel:
    """Look through the data and write the spec, which passes ``nightshift check`` and was tried on a night.

    Raises ``UsageError`` for names that are not there, keys that repeat and a model that exists already,
    ``SourceMissing``, ``SourceUnreadable``, ``NoSourceData``, also ``UsageError`` without the extra ``train``.
    Where it raises, nothing is written.
    """
    file = settings.models / request.name / "model.yaml"
    _require_name(request, file)
    source = survey(
        request.data,
        request.partition_by,
        request.timezone,
        settings,
        label=request.label,
        keys=request.keys,
    )
    _require_columns(request, source)
    facts = _facts(request, source)
    drafting = drafted(request, source, facts)
    tried = proven(drafting, file, settings)
    _write(file, written(tried.draft))
    nightless = source.rows - sum(facts.nights.values())
    return NewModel(
        file=str(file),
        rows=sum(facts.nights.values()),
        nights=len(facts.nights),
        label_type=tried.spec.label.type,
        features=len(tried.spec.features),
        warnings=[*tried.warnings, *_warnings(tried.draft, facts.counted, nightless)],
        notes=tried.notes,
    )


def _require_name(request: NewModelRequest, file: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", request.name):
        suggestion = safe_name(request.name) or "my_model"
        raise UsageError(
            f"a model is named with small letters, digits and _, got {request.name!r}",
            fix=f"try {suggestion}",
        )
    if file.exists() and not request.force:
        raise UsageError(
            f"{file} is there already",
            fix="give another name, or --force to write it anew",
        )


def _require_columns(request: NewModelRequest, source: SourceSummary) -> None:
    source.require(request.label, "--label")
    for key in request.keys:
        source.require(key, "--keys")
    if request.label in request.keys:
        raise UsageError(
            f"--keys: {request.label} is the label",
            fix="name other columns",
        )


def _facts(request: NewModelRequest, source: SourceSummary) -> SourceFacts:
    """Go through all rows once, and through the keys once more."""
    types = source.types
    nights = source.nights()
    if not nights:
        raise NoSourceData(
            f"{request.data} has no row with a night",
            fix="look at --data and --partition-by",
        )
    early = EarlyNights(nights, types)
    batches = source.batches(list(types), source.stride)
    counted = count(early.counting(batches), types, source.rows)
    _leave_out(source, counted)
    if source.night == "column" and source.column not in request.keys and not _has_hours(source, counted):
        counted.facts.pop(source.column, None)
    return SourceFacts(
        counted=counted,
        early=early,
        nights=nights,
        keys=key_roles(request.keys, source, counted),
        label=request.label,
        timezone=request.timezone,
    )


def _leave_out(source: SourceSummary, counted: Counted) -> None:
    """Forget the columns that cannot be used, and those that have neither name nor value."""
    unnamed = {name for table in source.tables for name in table.unnamed}
    for name in unnamed & counted.facts.keys():
        if not counted.facts[name].known:
            source.left_out[name] = "it has no name and no value"
    for name in source.left_out:
        counted.facts.pop(name, None)


def _has_hours(source: SourceSummary, counted: Counted) -> bool:
    """Whether the column that says the night says more of its rows."""
    if source.column not in counted.facts:
        return False
    hours = part_of(counted.sample[source.column], "hour", source.timezone)
    rows = pa.table({"night": counted.sample.column(0), "hour": hours})
    by_night = rows.group_by("night").aggregate([("hour", "count_distinct")])
    most = pc.max(by_night["hour_count_distinct"]).as_py()
    return most is not None and most > 1


def _warnings(draft: SpecDraft, counted: Counted, nightless: int) -> list[str]:
    warnings = [f"{name!r} is left out: {why}" for name, why in draft.left_out.items()]
    remarks = draft.survey.remarks.items()
    warnings += [remark for name, remark in remarks if name not in draft.left_out]
    for name, lacking in draft.survey.partial.items():
        warnings.append(f"{name}: {lacking} of {len(draft.survey.tables)} files lack it, and it is null in their rows")
    for key in draft.keys:
        if "float" in draft.columns[key].keys["type"]:
            warnings.append(f"key {key} is a float: two keys that only rounding tells apart are one; better is text")
    warnings += draft.label_facts.doubts
    if draft.duplicates:
        warnings.append(f"{draft.duplicates:,} rows repeat a key of their night; night.duplicate_keys drops them")
    if nightless:
        warnings.append(f"{nightless:,} rows have no night and are never read")
    scarce = few_held_out(draft.positive_share, held_out_rows(draft.nights))
    if scarce:
        warnings.append(scarce)
    if len(draft.nights) < 3:
        warnings.append(f"only {len(draft.nights)} nights: a training needs some to learn from, some held out")
    for name, facts in counted.facts.items():
        if facts.infinite:
            warnings.append(f"{name} has infinite values: rows with one are dropped")
    return warnings


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Airflow parses models/ all the time and must never see half a file.
    draft = file.with_name(".model.yaml.draft")
    draft.write_text(text, encoding="utf-8")
    draft.replace(file)
