"""A first ``models/<model>/model.yaml`` out of data: types, limits, label and trainer, each with its reason."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nightshift.authoring.decide import DraftLine, line, type_of
from nightshift.authoring.draft import SpecDraft, written
from nightshift.authoring.facts import Counted, count
from nightshift.authoring.label import recognised
from nightshift.authoring.leaks import leaks, strengths
from nightshift.authoring.names import safe_name, safe_names
from nightshift.authoring.survey import ARRIVAL, SourceSummary, survey
from nightshift.errors import NoSourceData, UsageError
from nightshift.settings import Settings
from nightshift.spec import load_spec
from nightshift.spec.learning import LabelKind
from nightshift.spec.model import RESERVED
from nightshift.validation.uniqueness import repeated_rows

DRIFT_FEATURES = 8
MOST_DROPPED = 0.01
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


def new(wish: NewModelRequest, settings: Settings) -> NewModel:
    """Look through the data and write the spec, which passes ``nightshift check``.

    Raises ``UsageError`` for names that are not there, keys that repeat and a model that exists already,
    ``SourceMissing``, ``SourceUnreadable``, ``NoSourceData``.
    """
    file = settings.models / wish.name / "model.yaml"
    _require_name(wish, file)
    found = survey(wish.data, wish.partition_by, wish.timezone, settings)
    draft, warnings = _draft(wish, found)
    _keep(file, written(draft))
    spec = load_spec(file)
    return NewModel(
        str(file), sum(draft.nights.values()), len(draft.nights), spec.label.type, len(spec.features), warnings
    )


def _require_name(wish: NewModelRequest, file: Path) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", wish.name):
        raise UsageError(
            f"a model is named with small letters, digits and _, got {wish.name!r}",
            fix=f"try {safe_name(wish.name) or 'my_model'}",
        )
    if file.exists() and not wish.force:
        raise UsageError(f"{file} is there already", fix="give another name, or --force to write it anew")


def _draft(wish: NewModelRequest, found: SourceSummary) -> tuple[SpecDraft, list[str]]:
    found.require(wish.label, "--label")
    for key in wish.keys:
        found.require(key, "--keys")
    if wish.label in wish.keys:
        raise UsageError(f"--keys: {wish.label} is the label", fix="name other columns")
    left_out = {name: f"{kind} has no column type" for name, kind in found.types.items() if type_of(kind) is None}
    left_out |= {name: f"{files} of {len(found.tables)} files lack it" for name, files in found.partial.items()}
    types = {name: kind for name, kind in found.types.items() if name not in left_out}
    nights = found.nights()
    if not nights:
        raise NoSourceData(f"{wish.data} has no row with a night", fix="look at --data and --partition-by")
    counted = count(found.batches(list(types), found.stride), types, found.rows)
    label_facts = recognised(wish.label, counted.facts[wish.label], wish.label_type)
    duplicates = _duplicates(wish, found, counted)
    label = safe_name(wish.label) or "label"
    partition = "night" if wish.partition_by == ARRIVAL else safe_name(wish.partition_by) or "night"
    taken = [label, partition, f"{label}_score", f"predicted_{label}", *RESERVED]
    names = safe_names([name for name in types if name != wish.label], taken)
    lines = {names[name]: _line(name, wish, counted, nights) for name in names}
    told = _strengths(wish, counted, lines, names, label_facts.kind)
    suspects = {leak.column: leak for leak in leaks(told, label_facts.kind)}
    lines |= {
        n: DraftLine(lines[n].keys, f"LOOK AT IT: {leak.told}; {lines[n].comment}") for n, leak in suspects.items()
    }
    draft = SpecDraft(
        name=wish.name,
        survey=found,
        nights=nights,
        columns=lines,
        sources={alias: name for name, alias in names.items() if alias != name},
        left_out=left_out,
        partition=partition,
        keys=[names[key] for key in wish.keys],
        duplicates=duplicates,
        label=label,
        label_source=wish.label if wish.label != label else None,
        label_facts=label_facts,
        delay_days=wish.delay_days,
        drift=sorted(told.keys() - suspects.keys(), key=lambda name: (-told[name], name))[:DRIFT_FEATURES],
    )
    warnings = [str(leak) for leak in suspects.values()]
    return draft, [*warnings, *_warnings(draft, counted, found.rows - sum(nights.values()))]


def _line(name: str, wish: NewModelRequest, counted: Counted, nights: Counter[Any]) -> DraftLine:
    key = name in wish.keys
    return line(counted.facts[name], nights, key=key, only_key=wish.keys == (name,), moves=_moves(counted.sample, name))


def _moves(sample: pa.Table, name: str) -> bool:
    """Whether a date goes with the night, so that tomorrow's lies beyond all that was learnt."""
    if not pa.types.is_date(sample.schema.field(name).type):
        return False
    both = sample.select([0]).append_column("x", sample[name]).drop_null()
    night, day = (np.asarray(column.cast(pa.date32()).cast(pa.int32())) for column in both.columns)
    if len(np.unique(night)) < 2 or len(np.unique(day)) < 2:
        return False
    return bool(np.corrcoef(night, day)[0, 1] > MOVES)


def _duplicates(wish: NewModelRequest, found: SourceSummary, counted: Counted) -> int:
    """Rows of a key that another row of its night has. Raises ``UsageError`` where other keys are needed."""

    def again(keys: tuple[str, ...]) -> int:
        return repeated_rows(lambda: _renamed(found, keys), found.rows)

    repeated = again(wish.keys)
    if not repeated:
        return 0
    others = [
        n for n, facts in counted.facts.items() if n not in {*wish.keys, wish.label} and facts.known == facts.rows
    ]
    others = [n for n in others if not pa.types.is_floating(counted.facts[n].kind)]
    others.sort(key=lambda name: -counted.facts[name].distinct)
    better = next((name for name in others[:5] if not again((*wish.keys, name))), None)
    if better or repeated > MOST_DROPPED * found.rows:
        raise UsageError(
            f"--keys {','.join(wish.keys)}: {repeated:,} of {found.rows:,} rows repeat a key of their night",
            fix=f"--keys {','.join([*wish.keys, better])}"
            if better
            else "name columns that tell the rows of a night apart",
        )
    return repeated


def _renamed(found: SourceSummary, keys: tuple[str, ...]) -> Any:
    for batch in found.batches(keys):
        yield batch.rename_columns([str(place) for place in range(batch.num_columns)])


def _strengths(
    wish: NewModelRequest, counted: Counted, lines: dict[str, DraftLine], names: dict[str, str], kind: LabelKind
) -> dict[str, float]:
    features = [name for name, alias in names.items() if lines[alias].keys.get("feature", True)]
    if not features:
        raise UsageError("no column of the data can be a feature", fix="give data with columns that vary")
    table = counted.sample.select(features).rename_columns([names[name] for name in features])
    found = strengths(table, counted.sample[wish.label], kind)
    return found or dict.fromkeys(table.column_names, 0.0)


def _warnings(draft: SpecDraft, counted: Counted, nightless: int) -> list[str]:
    found = [f"{name!r} is left out: {why}" for name, why in draft.left_out.items()]
    if draft.duplicates:
        found.append(f"{draft.duplicates:,} rows repeat a key of their night; night.duplicate_keys drops them")
    if nightless:
        found.append(f"{nightless:,} rows have no night and are never read")
    if len(draft.nights) < 3:
        found.append(f"only {len(draft.nights)} nights: a training needs some to learn from, some held out")
    infinite = [name for name, facts in counted.facts.items() if facts.infinite]
    return [*found, *(f"{name} has infinite values: rows with one are dropped" for name in infinite)]


def _keep(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Airflow parses models/ all the time and must never see half a file.
    draft = file.with_name(".model.yaml.draft")
    draft.write_text(text, encoding="utf-8")
    Path(draft).replace(file)
