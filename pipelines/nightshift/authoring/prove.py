"""From what was counted to a draft that its own data have passed: rehearsed on late nights, tried on the last one."""

from dataclasses import dataclass, replace
from pathlib import Path

from nightshift.authoring.columns import DraftColumns, SourceFacts, draft_columns, part_names
from nightshift.authoring.costs import positive_share
from nightshift.authoring.decide import DraftLine, without
from nightshift.authoring.draft import SpecDraft, written
from nightshift.authoring.keys import duplicate_rows
from nightshift.authoring.label import LabelFacts, recognised
from nightshift.authoring.names import safe_name, safe_names
from nightshift.authoring.rehearsal import CheckLoss, rehearse
from nightshift.authoring.request import NewModelRequest
from nightshift.authoring.row_limits import row_limits
from nightshift.authoring.survey import ARRIVAL, SourceSummary
from nightshift.authoring.trial import try_trees
from nightshift.authoring.tryout import NOTHING_WRITTEN, TryOut, invalid_columns, try_out, unreadable_columns
from nightshift.errors import SpecError, UsageError
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, spec_of
from nightshift.spec.label import Label
from nightshift.spec.reserved import MONITORED, RESERVED

OURS = (*RESERVED, *MONITORED)
LEFT_OUT = {
    "null": "nulls came later, so they are allowed",
    "range": "no limits are written, they would have dropped",
    "null share": "no share of nulls is written, it would have refused",
}


@dataclass(frozen=True)
class ProvenDraft:
    """A draft that may be put in place, and what came up on the way."""

    draft: SpecDraft
    spec: ModelSpec
    warnings: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Drafting:
    """A first draft, with all that it was made from."""

    draft: SpecDraft
    columns: DraftColumns
    source: SourceSummary
    facts: SourceFacts
    roles: list[str]


def drafted(
    request: NewModelRequest,
    source: SourceSummary,
    facts: SourceFacts,
) -> Drafting:
    """The first draft. Raises ``UsageError`` where label or keys cannot be what they are said to be."""
    counted = facts.counted
    label_facts = recognised(request.label, counted.facts[request.label], request.label_type)
    duplicates = duplicate_rows(request.keys, request.label, source, counted)
    partition, label = _night_and_label(request)
    scores = _published(label, label_facts)
    names = _names(request, facts, [partition, label, *scores])
    renamed = {alias: name for name, alias in names.items() if alias != name}
    columns = draft_columns(facts, names, label_facts.kind, [partition, label, *scores, *RESERVED])
    draft = SpecDraft(
        name=request.name,
        survey=source,
        nights=facts.nights,
        rows=row_limits(facts.nights, facts.early),
        tried_nights=len(facts.early.late),
        columns=columns.lines,
        sources=renamed,
        left_out=source.left_out,
        partition=partition,
        keys=[names[key] for key in request.keys],
        duplicates=duplicates,
        label=label,
        label_source=request.label if request.label != label else None,
        label_facts=label_facts,
        positive_share=positive_share(counted.facts[request.label], label_facts),
        delay_days=request.delay_days,
        drift=columns.drift,
    )
    aliases = {request.partition_by: partition, request.label: label, **names}
    roles = [f"{name}: {role.rule}" for name, role in facts.keys.items()]
    return Drafting(draft, columns, source, facts, [*_renamed(aliases), *roles])


def proven(
    drafting: Drafting,
    file: Path,
    settings: Settings,
) -> ProvenDraft:
    """The draft without checks that late nights breach, and without columns that the last night cannot be read with.

    ``file`` is where it will lie. Raises ``UsageError`` where not even that can be read, naming the column.
    """
    draft = _without(drafting.draft, invalid_columns(drafting.draft.columns))
    spec = _spec(draft, file)
    losses = rehearse(spec, drafting.source, drafting.facts.early)
    draft = _forgiving(draft, losses)
    night = max(drafting.facts.nights).isoformat()
    draft = _without(draft, unreadable_columns(_spec(draft, file), night, settings))
    result = try_out(_spec(draft, file), night, settings)
    trial = try_trees(_spec(draft, file), drafting.facts)
    draft = replace(draft, quarantined_share=result.share_to_allow, trial=trial)
    return ProvenDraft(
        draft=draft,
        spec=_spec(draft, file),
        warnings=[*drafting.columns.leaks, *_refused(result, night)],
        notes=[*drafting.roles, *_cadence(draft), *_report(drafting, losses)],
    )


def _night_and_label(request: NewModelRequest) -> tuple[str, str]:
    """The spec's names of the night's column and of the label; no names of ours, and two."""
    partition = safe_name(request.partition_by) or "night"
    if request.partition_by == ARRIVAL:
        partition = "night"
    [partition] = safe_names([partition], OURS).values()
    label = safe_name(request.label) or "label"
    [label] = safe_names([label], [partition, *RESERVED]).values()
    return partition, label


def _published(label: str, facts: LabelFacts) -> list[str]:
    """What predictions are to be called."""
    classes = {"type": facts.kind, "classes": facts.classes, "quantiles": facts.quantiles}
    kind = Label.model_validate({"column": label, "delay_days": 0, **classes})
    return [f"{label}_score", *kind.score_columns(f"{label}_score"), f"predicted_{label}"]


def _names(
    request: NewModelRequest,
    facts: SourceFacts,
    others: list[str],
) -> dict[str, str]:
    """The spec's name of each column but the label, beside the names of others, the first of them the night's."""
    features = [name for name in facts.counted.facts if name not in {request.label, request.partition_by}]
    names = safe_names(features, [*others, *RESERVED])
    if request.partition_by in facts.counted.facts:
        partition, *_ = others
        ending = "time" if partition.endswith("_at") else "at"
        [alias] = safe_names([f"{partition}_{ending}"], [*others, *names.values()]).values()
        names[request.partition_by] = alias
    return names


def _renamed(aliases: dict[str, str]) -> list[str]:
    """What is said of columns of the data that are called like one of ours."""
    notes = []
    for name, alias in aliases.items():
        plain = safe_name(name)
        if plain in OURS and alias != plain:
            notes.append(f"{name} is called {alias} in model.yaml, since {plain} is a column that Nightshift adds")
    return notes


def _without(draft: SpecDraft, reasons: dict[str, str]) -> SpecDraft:
    """The draft without some columns. Raises ``UsageError`` for one that it cannot do without."""
    if not reasons:
        return draft
    needed = [alias for alias in reasons if alias in draft.keys]
    if needed:
        name = draft.sources.get(needed[0], needed[0])
        raise UsageError(
            f"--keys: column {name!r} cannot be in a model.yaml: {reasons[needed[0]]}{NOTHING_WRITTEN}",
            fix="name other columns, or mend the data",
        )
    left_out = dict(draft.left_out)
    for alias, why in reasons.items():
        left_out[draft.sources.get(alias, alias)] = why
    lines = {alias: line for alias, line in draft.columns.items() if alias not in reasons}
    watchable = {*lines, *part_names(lines)}
    drift = [alias for alias in draft.drift if alias in watchable]
    return replace(draft, columns=lines, left_out=left_out, drift=drift)


def _forgiving(draft: SpecDraft, losses: list[CheckLoss]) -> SpecDraft:
    """The draft without the checks that would have cost a late night rows."""
    lines: dict[str, DraftLine] = dict(draft.columns)
    for loss in losses:
        why = f"{LEFT_OUT[loss.kind]}: {loss}"
        lines[loss.column] = without(lines[loss.column], loss.kind, why)
    return replace(draft, columns=lines)


def _spec(draft: SpecDraft, file: Path) -> ModelSpec:
    try:
        return spec_of(file, written(draft))
    except SpecError as error:
        raise UsageError(
            f"the draft does not pass its own check: {error.message}{NOTHING_WRITTEN}",
            fix="leave the column it names out of --data, or give it another name",
        ) from error


def _refused(result: TryOut, night: str) -> list[str]:
    warnings = []
    for reason in result.refusals:
        warnings.append(f"the draft would refuse the last night, {night}: {reason}")
    return warnings


def _cadence(draft: SpecDraft) -> list[str]:
    """What is said of nights that are not those of every day."""
    cadence = draft.cadence
    return [f"{cadence.seen}, so partition.schedule is {cadence.schedule}"] if cadence.seen else []


def _report(drafting: Drafting, losses: list[CheckLoss]) -> list[str]:
    """What the late nights would have lost, by check."""
    early = drafting.facts.early
    if not early.late:
        return ["too few nights to try the checks on some that they were not drafted from"]
    tried = (
        f"the checks were drafted from the first {len(early.nights)} nights and tried on the other {len(early.late)}"
    )
    notes = [f"{loss.column}: {LEFT_OUT[loss.kind]}: {loss}" for loss in losses]
    for why in drafting.draft.rows.left_out:
        notes.append(why)
    return [tried if notes else f"{tried}, which would have lost no row", *notes]
