"""A first ``models/<model>/model.yaml`` out of data: types, limits, label and trainer, each with its reason."""

import datetime as dt
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nightshift.authoring.decide import DraftLine, line
from nightshift.authoring.draft import SpecDraft, written
from nightshift.authoring.facts import Counted, count
from nightshift.authoring.keys import duplicate_rows
from nightshift.authoring.label import recognised
from nightshift.authoring.leaks import Leak, leaks, strengths
from nightshift.authoring.names import safe_name, safe_names
from nightshift.authoring.survey import ARRIVAL, SourceSummary, survey
from nightshift.errors import NoSourceData, UsageError
from nightshift.settings import Settings
from nightshift.spec import load_spec
from nightshift.spec.learning import LabelKind
from nightshift.spec.model import RESERVED

DRIFT_FEATURES = 8
MOVES = 0.9


@dataclass(frozen=True)
class NewModelRequest:
    """What a person says of the data. ``keys`` and ``label`` are the source's names."""

    name: str
    data: str
    label: str
    keys: tuple[str, ...]
    partition_by: str
    label_type: LabelKind | None = None
    delay_days: int = 1
    timezone: str = "UTC"
    force: bool = False


@dataclass(frozen=True)
class NewModel:
    """Where the spec lies, and what a person should look at."""

    file: str
    rows: int
    nights: int
    label_type: str
    features: int
    warnings: list[str]


@dataclass(frozen=True)
class DraftColumns:
    """The lines of all columns but the label's, which of them to watch for drift, and which tell too much."""

    lines: dict[str, DraftLine]
    drift: list[str]
    leaks: list[Leak]


def new(request: NewModelRequest, settings: Settings) -> NewModel:
    """Look through the data and write the spec, which passes ``nightshift check``.

    Raises ``UsageError`` for names that are not there, keys that repeat and a model that exists already,
    ``SourceMissing``, ``SourceUnreadable``, ``NoSourceData``, also ``UsageError`` without the extra ``train``.
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
    draft, warnings = _draft(request, source)
    _write(file, written(draft))
    spec = load_spec(file)
    return NewModel(
        file=str(file),
        rows=sum(draft.nights.values()),
        nights=len(draft.nights),
        label_type=spec.label.type,
        features=len(spec.features),
        warnings=warnings,
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


def _draft(request: NewModelRequest, source: SourceSummary) -> tuple[SpecDraft, list[str]]:
    """The draft, and what a person should look at."""
    nights = source.nights()
    if not nights:
        raise NoSourceData(
            f"{request.data} has no row with a night",
            fix="look at --data and --partition-by",
        )
    batches = source.batches(list(source.types), source.stride)
    counted = count(batches, source.types, source.rows)
    _leave_out(source, counted)
    label_facts = recognised(request.label, counted.facts[request.label], request.label_type)
    duplicates = duplicate_rows(request.keys, request.label, source, counted)
    label = safe_name(request.label) or "label"
    partition = _partition_name(request)
    features = [name for name in counted.facts if name != request.label]
    taken = [label, partition, f"{label}_score", f"predicted_{label}", *RESERVED]
    names = safe_names(features, taken)
    renamed = {alias: name for name, alias in names.items() if alias != name}
    columns = _columns(request, counted, nights, names, label_facts.kind)
    draft = SpecDraft(
        name=request.name,
        survey=source,
        nights=nights,
        columns=columns.lines,
        sources=renamed,
        left_out=source.left_out,
        partition=partition,
        keys=[names[key] for key in request.keys],
        duplicates=duplicates,
        label=label,
        label_source=request.label if request.label != label else None,
        label_facts=label_facts,
        delay_days=request.delay_days,
        drift=columns.drift,
    )
    nightless = source.rows - sum(nights.values())
    warnings = [str(leak) for leak in columns.leaks]
    return draft, warnings + _warnings(draft, counted, nightless)


def _leave_out(source: SourceSummary, counted: Counted) -> None:
    """Forget the columns that cannot be used, and those that have neither name nor value."""
    unnamed = {name for table in source.tables for name in table.unnamed}
    for name in unnamed & counted.facts.keys():
        if not counted.facts[name].known:
            source.left_out[name] = "it has no name and no value"
    for name in source.left_out:
        counted.facts.pop(name, None)


def _partition_name(request: NewModelRequest) -> str:
    if request.partition_by == ARRIVAL:
        return "night"
    return safe_name(request.partition_by) or "night"


def _columns(
    request: NewModelRequest,
    counted: Counted,
    nights: Counter[dt.date],
    names: dict[str, str],
    label_kind: LabelKind,
) -> DraftColumns:
    """``names`` has the spec's name of each of the source's columns."""
    lines = {alias: _line(name, request, counted, nights) for name, alias in names.items()}
    strength = _strengths(request, counted, lines, names, label_kind)
    suspects = leaks(strength, label_kind)
    for leak in suspects:
        line_of_leak = lines[leak.column]
        comment = f"LOOK AT IT: {leak.told}; {line_of_leak.comment}"
        lines[leak.column] = DraftLine(line_of_leak.keys, comment)
    honest = strength.keys() - {leak.column for leak in suspects}
    strongest_first = sorted(honest, key=lambda name: (-strength[name], name))
    return DraftColumns(
        lines=lines,
        drift=strongest_first[:DRIFT_FEATURES],
        leaks=suspects,
    )


def _line(name: str, request: NewModelRequest, counted: Counted, nights: Counter[dt.date]) -> DraftLine:
    return line(
        counted.facts[name],
        nights,
        key=name in request.keys,
        only_key=request.keys == (name,),
        moves=_moves(counted.sample, name),
    )


def _moves(sample: pa.Table, name: str) -> bool:
    """Whether a date goes with the night, so that tomorrow's lies beyond all that was learnt."""
    if not pa.types.is_date(sample.schema.field(name).type):
        return False
    pairs = sample.select([0]).append_column("x", sample[name]).drop_null()
    night = _days(pairs.column(0))
    day = _days(pairs.column(1))
    distinct_nights = np.unique(night)
    distinct_days = np.unique(day)
    if len(distinct_nights) < 2 or len(distinct_days) < 2:
        return False
    correlation = np.corrcoef(night, day)[0, 1]
    return bool(correlation > MOVES)


def _days(dates: pa.ChunkedArray) -> NDArray[Any]:
    """Days since 1970, shape (n,)."""
    days = dates.cast(pa.date32()).cast(pa.int32())
    return np.asarray(days)


def _strengths(
    request: NewModelRequest,
    counted: Counted,
    lines: dict[str, DraftLine],
    names: dict[str, str],
    kind: LabelKind,
) -> dict[str, float]:
    """How well each feature alone tells the label, by the spec's names; 0 for all of too few rows."""
    features = [name for name, alias in names.items() if lines[alias].keys.get("feature", True)]
    if not features:
        raise UsageError(
            "no column of the data can be a feature",
            fix="give data with columns that vary",
        )
    aliases = [names[name] for name in features]
    table = counted.sample.select(features).rename_columns(aliases)
    strength = strengths(table, counted.sample[request.label], kind)
    return strength or dict.fromkeys(aliases, 0.0)


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
