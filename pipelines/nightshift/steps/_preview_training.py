"""What a training would learn from, and what its gate would ask, before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset
from nightshift.errors import UsageError
from nightshift.partitions import between
from nightshift.releases.baseline import Baseline
from nightshift.releases.nights import NightCount, counted_nights
from nightshift.releases.searched import sentence
from nightshift.releases.spec_changes import recipe_keys
from nightshift.sources.reading import is_read_as, reading_of
from nightshift.spec import ModelSpec
from nightshift.steps import _join_cache as join_cache
from nightshift.steps._replay import describe
from nightshift.steps._rival import NoRival, rival_of
from nightshift.steps.ingest import label_schema
from nightshift.steps.load import retracted_nights, window
from nightshift.steps.reproduce import MODEL_YAML, differences
from nightshift.stores import Stores
from nightshift.stores.manifest import Manifest
from nightshift.stores.parquet import schema_of
from nightshift.training.recipe import recipe_sha256
from nightshift.training.search.study import USUAL_TRIALS

READERS = 16
FIRST = "the first"
SAME = "that of the champion"
ANOTHER = "another"
NOBODY = "by nobody: training.schedule is not set"


@dataclass(frozen=True)
class Window:
    """The nights of a training as of a night.

    It learns from those that are validated and labelled by then, and joins those ``joined_anew`` whose file is not
    known. ``brought_again`` are there, and were read in another way than model.yaml has now; for ``not_there``, nights
    of the schedule, the source is asked. ``why_not`` says what keeps it from learning.
    """

    as_of: str
    first_night: str = ""
    last_night: str = ""
    learns_from: NightCount = field(default_factory=lambda: counted_nights({}))
    joined_anew: NightCount = field(default_factory=lambda: counted_nights({}))
    brought_again: NightCount = field(default_factory=lambda: counted_nights({}))
    not_there: int = 0
    why_not: str = ""


@dataclass(frozen=True)
class TrainingPreview:
    """Whose ``recipe`` a training would fit, by which keys it is another, and what else computes otherwise.

    ``gate`` is what it would have to show, ``starts`` what begins it, ``fits`` how often it fits at most, its search
    with it. ``search`` says what is searched before it, and what chose the champion's recipe; a search may come to
    another one than ``recipe``. Empty without either.
    """

    recipe: str
    because: list[str]
    computed_by: dict[str, str]
    gate: str
    starts: str
    fits: int
    window: Window
    search: str = ""


def preview_training(spec: ModelSpec, known: Baseline | None, as_of: str | None, stores: Stores) -> TrainingPreview:
    """A training of the spec as of a night, held against the champion's."""
    asked = known.comparable(spec) if known else spec
    because = recipe_keys(known.spec, asked) if known and known.spec else []
    recipe = _recipe(asked, known)
    schedule = spec.training.schedule
    return TrainingPreview(
        recipe=recipe,
        because=because,
        computed_by=_computed_by(asked, known, stores),
        gate=_gate(spec, known, recipe, stores),
        starts=f"by its schedule, {schedule}" if schedule else NOBODY,
        fits=_fits(spec),
        window=_window(spec, as_of, stores),
        search=_search(spec, known),
    )


def _trials(spec: ModelSpec) -> int:
    """How many recipes are tried before a training, at most."""
    if spec.search is None:
        return 0
    return spec.search.trials or USUAL_TRIALS


def _fits(spec: ModelSpec) -> int:
    """Of each fold and of the whole window; of each trial on the folds of the search. A calibration takes another."""
    fits = spec.training.folds + 1
    if spec.search:
        fits += _trials(spec) * spec.search.folds
    return fits if spec.training.calibration is None else 2 * fits


def _search(spec: ModelSpec, known: Baseline | None) -> str:
    """What is searched, and what was."""
    parts = []
    if spec.search:
        trials = _trials(spec)
        parts.append(f"the next training searches anew, {trials} trials at most, and trains what wins")
    if known and known.searched:
        chosen = sentence(known.searched)
        parts.append(f"version {known.record.version} was chosen by {chosen}")
    return "; ".join(parts)


def _recipe(spec: ModelSpec, known: Baseline | None) -> str:
    if known is None:
        return FIRST
    # The record has the digest without classes of too few rows; what model.yaml asked for says the same of both.
    was = known.record.recipe_sha256
    if known.spec:
        was = recipe_sha256(known.spec)
    if was == recipe_sha256(spec):
        return SAME
    return ANOTHER


def _computed_by(spec: ModelSpec, known: Baseline | None, stores: Stores) -> dict[str, str]:
    """Libraries, CPU and code of a training that are not those of the champion's."""
    if known is None or known.replay is None:
        return {}
    now = describe(spec, stores)
    others = differences(known.replay, now)
    others.pop(MODEL_YAML, None)
    return others


def _gate(spec: ModelSpec, known: Baseline | None, recipe: str, stores: Stores) -> str:
    """What a challenger has to show, as ``evaluate`` would ask."""
    if known is None:
        return "its floors and the best constant: there is no champion"
    champion = known.record
    rival = rival_of(spec, champion.pin, champion.onnx_key, champion.onnx_sha256, stores)
    if isinstance(rival, NoRival):
        return f"its floors and the best constant: version {champion.version} {rival.because}"
    usual = "not_worse" if recipe == SAME else "better"
    aim = (spec.gates.promote or usual).replace("_", " ")
    than = f"{aim} than version {champion.version} in {spec.judged_by}"
    return f"its floors, and {than}, on at least {spec.gates.min_nights} nights that neither has seen"


def _window(spec: ModelSpec, as_of: str | None, stores: Stores) -> Window:
    night = as_of or _newest(spec, stores)
    if night is None:
        return Window("", why_not="the lake has no validated night")
    try:
        first, last = window(spec, night)
    except UsageError as error:
        return Window(night, why_not=error.message)
    return _nights(spec, Window(night, first, last), stores)


def _newest(spec: ModelSpec, stores: Stores) -> str | None:
    column = spec.partition.column
    validated = stores.lake.partitions(Dataset.VALIDATED, spec.name, column)
    return max(validated, default=None)


def _nights(spec: ModelSpec, asked: Window, stores: Stores) -> Window:
    wanted = between(asked.first_night, asked.last_night)
    made_from = join_cache.digests(spec, stores)
    there = [night for night in wanted if night in made_from]
    rows, brought_again = _read(spec, there, stores)
    joined = join_cache.load(spec, stores)
    is_known = {night for night, file in joined.items() if file.made_from == made_from.get(night)}
    joined_anew = [night for night in there if night not in is_known or night in brought_again]
    return Window(
        as_of=asked.as_of,
        first_night=asked.first_night,
        last_night=asked.last_night,
        learns_from=counted_nights(rows),
        joined_anew=_of(joined_anew, rows),
        brought_again=_of(brought_again, rows),
        not_there=_not_there(spec, asked, there, stores),
        why_not=_too_few(spec, there),
    )


def _read(spec: ModelSpec, nights: list[str], stores: Stores) -> tuple[dict[str, int], list[str]]:
    """The rows of each night, and the nights that a load would bring again: other columns, or another reading."""

    def read(night: str) -> tuple[Manifest | None, Manifest | None]:
        validated = stores.lake.readable(spec.key(Dataset.VALIDATED, night))
        labels = stores.lake.readable(spec.key(Dataset.LABELS, night))
        return validated, labels

    rows = {}
    brought_again = []
    columns = schema_of(spec.columns)
    columns_of_labels = label_schema(spec)
    manifests = ordered_map(read, nights, READERS, 2 * READERS)
    for night, (validated, labels) in zip(nights, manifests, strict=True):
        if validated is None or labels is None:
            continue
        rows[night] = validated.rows
        has_rows = _is_as_today(spec, validated, columns)
        has_labels = _is_as_today(spec, labels, columns_of_labels)
        if not (has_rows and has_labels):
            brought_again.append(night)
    return rows, brought_again


def _is_as_today(spec: ModelSpec, manifest: Manifest, schema: pa.Schema) -> bool:
    """As ``load`` tells it."""
    promised = {}
    for column in schema:
        promised[column.name] = str(column.type)
    if manifest.columns != promised:
        return False
    reading = reading_of(spec, manifest.dataset)
    return is_read_as(manifest.provenance, reading)


def _of(nights: list[str], rows: Mapping[str, int]) -> NightCount:
    of_nights = {}
    for night in nights:
        of_nights[night] = rows.get(night, 0)
    return counted_nights(of_nights)


def _not_there(spec: ModelSpec, asked: Window, there: list[str], stores: Stores) -> int:
    """Nights of the schedule without rows or labels; those that were taken back stay so."""
    scheduled = spec.partition.nights_between(asked.first_night, asked.last_night)
    absent = set(scheduled)
    absent.difference_update(there)
    if not absent:
        return 0
    taken_back = retracted_nights(spec, stores)
    return len(absent - taken_back)


def _too_few(spec: ModelSpec, there: list[str]) -> str:
    held_out = spec.training.holdout_days
    if len(there) > held_out:
        return ""
    return f"{len(there)} nights are validated and labelled, and {held_out} are held out: nothing to learn from"
