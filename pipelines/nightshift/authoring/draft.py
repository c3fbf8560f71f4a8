"""A whole model.yaml out of what was counted."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from nightshift.authoring.cadence import Cadence, cadence_of
from nightshift.authoring.costs import costs_comment, costs_of
from nightshift.authoring.decide import DraftLine
from nightshift.authoring.label import LabelFacts
from nightshift.authoring.page import Page
from nightshift.authoring.row_limits import RowLimits
from nightshift.authoring.survey import SourceSummary
from nightshift.authoring.trees import (
    PARAMETERS,
    TreeTrial,
    effective_rows,
    grown,
    learnt_rows,
    tree_size,
    written_parameters,
)
from nightshift.authoring.tryout import SHARE
from nightshift.authoring.window import WINDOW_COMMENT, window
from nightshift.modelling.label_types import LABEL_TYPES
from nightshift.training.trainers import boosting

NIGHT_BY = {
    "column": "--partition-by: a column",
    "path": "--partition-by: a name=date folder of the path",
    "arrival": "--partition-by arrival: the day a file was last written",
}
YAML_COLUMNS = "type, nulls and limits as seen in the data"
LIMITS = (
    "A limit lies as far beyond what was seen as that is wide, rounded away from zero, but not across zero and not",
    "beyond what the source's type holds; of dates there is only a first, a year or more before. Rows beyond it go.",
)


@dataclass(frozen=True)
class SpecDraft:
    """Everything that the file says. Names are the spec's; ``sources`` has the source's where they differ."""

    name: str
    survey: SourceSummary
    nights: Counter[dt.date]
    rows: RowLimits
    tried_nights: int
    columns: dict[str, DraftLine]
    sources: dict[str, str]
    left_out: dict[str, str]
    partition: str
    keys: list[str]
    duplicates: int
    label: str
    label_source: str | None
    label_facts: LabelFacts
    positive_share: float
    delay_days: int
    drift: list[str]
    trial: TreeTrial | None = None
    quarantined_share: float = SHARE

    @property
    def cadence(self) -> Cadence:
        """How often there is a night."""
        return cadence_of(self.nights)


def written(draft: SpecDraft) -> str:
    """The text of the file."""
    page = Page()
    _head(page, draft)
    _source(page, draft)
    _partition(page, draft)
    _night(page, draft)
    _columns(page, draft)
    _label(page, draft)
    _training(page, draft)
    _gates(page, draft)
    _predict(page, draft)
    _drift(page, draft)
    _retrain(page, draft)
    return page.text()


def _head(page: Page, draft: SpecDraft) -> None:
    survey = draft.survey
    rows = sum(draft.nights.values())
    nights = len(draft.nights)
    first = min(draft.nights)
    last = max(draft.nights)
    counted = "all of them"
    if survey.stride > 1:
        counted = f"every {survey.stride}th batch of rows"
    page.say(f"Drafted by `nightshift new` from {survey.pattern}: {rows:,} rows of {nights} nights,")
    page.say(f"{first} to {last}; columns were counted in {counted}.")
    if draft.tried_nights:
        early = nights - draft.tried_nights
        page.say(
            f"Limits are of the first {early} nights; what the other {draft.tried_nights} breached is not checked."
        )
    page.say(
        "A first proposal: read it, correct it, then `nightshift check`. `nightshift check --schema` has every key."
    )
    page.put("name", draft.name, "the folder's name, and the Dags' first word")
    label = draft.label_source or draft.label
    page.put("description", f"Predicts {label} of each row.", "say it in your own words")
    page.put("owner", "nightshift", "whom the Dags name as their owner")
    page.put("paused", True, "a draft: its Dags wait in Airflow; train a champion, unpause them, take this line out")
    page.gap()


def _source(page: Page, draft: SpecDraft) -> None:
    survey = draft.survey
    page.section("source", "where the rows of a night come from; docs/your-own-data.md has the other kinds")
    page.put("files", survey.pattern, "--data", 1)
    if any(table.texts for table in survey.tables):
        page.put("csv", survey.csv.model_dump(), "as the files were seen to be written", 1)
    page.put("night", survey.night, NIGHT_BY[survey.night], 1)
    if survey.night != "arrival" and survey.column != draft.partition:
        page.put("column", survey.column, "its name in the source", 1)
    page.gap()


def _partition(page: Page, draft: SpecDraft) -> None:
    survey = draft.survey
    page.section("partition")
    page.put("column", draft.partition, "names the night's folders in the lake", 1)
    page.put("timezone", survey.timezone, "of the schedule, and of times that have no zone", 1)
    cadence = draft.cadence
    why = f": {cadence.seen}" if cadence.seen else ""
    page.put("schedule", cadence.schedule, f"when the nightly run starts, as cron{why}", 1)
    page.put("start", min(draft.nights), "the first night in the data", 1)
    page.gap()


def _night(page: Page, draft: SpecDraft) -> None:
    rows = draft.rows
    if draft.duplicates:
        action = "drop"
        comment = "of the rows that repeat one, none is kept"
    else:
        action = "refuse"
        comment = "each row of a night has its own"
    page.put("keys", draft.keys, f"--keys; {comment}")
    page.gap()
    page.section("night", "what is expected of a night as a whole")
    if rows.low is not None:
        page.put("min_rows", rows.low, f"half of the smallest night, {rows.smallest:,} rows", 1)
    if rows.high is not None:
        page.put("max_rows", rows.high, f"twice the largest night, {rows.largest:,} rows", 1)
    for why in rows.left_out:
        page.say(why)
    page.put("duplicate_keys", action, f"{draft.duplicates:,} rows repeat a key of their night", 1)
    page.put("max_quarantined_share", draft.quarantined_share, _share_comment(draft), 1)
    page.gap()


def _share_comment(draft: SpecDraft) -> str:
    if draft.quarantined_share == SHARE:
        return "a default: a night that would lose more rows is refused"
    return "the last night would lose nearly as many rows; a night that would lose more is refused"


def _columns(page: Page, draft: SpecDraft) -> None:
    page.section("columns", YAML_COLUMNS)
    for comment in LIMITS:
        page.say(comment)
    for name, line in draft.columns.items():
        keys = {"type": line.keys["type"]}
        source = draft.sources.get(name, name)
        if source != name:
            keys["source"] = source
        if source in draft.survey.nulls:
            keys["nulls"] = list(draft.survey.nulls[source])
        if source in draft.survey.partial:
            keys["optional"] = True
        keys.update(line.keys)
        page.put(name, keys, line.comment, 1)
    for name, why in draft.left_out.items():
        page.say(f"{name!r} is left out: {why}")
    page.gap()


def _label(page: Page, draft: SpecDraft) -> None:
    facts = draft.label_facts
    page.section("label")
    page.put("column", draft.label, "--label", 1)
    if draft.label_source:
        page.put("source", draft.label_source, "its name in the source", 1)
    page.put("type", facts.kind, facts.why, 1)
    if facts.positive is not None:
        page.put("positive", facts.positive, "the value that is predicted, see above", 1)
        page.put("negative", facts.negative, "the other; a third text stops its night", 1)
    if facts.classes:
        classes = list(facts.classes)
        page.put("classes", classes, "all values that were seen", 1)
    if facts.separator:
        page.put("separator", facts.separator, "between the classes of a row", 1)
    if facts.quantiles:
        quantiles = list(facts.quantiles)
        page.put("quantiles", quantiles, "eight of ten outcomes shall lie between the outer two", 1)
    nulls = [*draft.survey.nulls.get(draft.label_source or draft.label, ()), *facts.nulls]
    if nulls:
        page.put("nulls", nulls, "texts that stand for no outcome", 1)
    page.put("delay_days", draft.delay_days, "--delay-days: the run of night D sees labels up to D less this", 1)
    page.gap()


def _training(page: Page, draft: SpecDraft) -> None:
    window_days, holdout_days = window(draft.nights)
    rows = learnt_rows(draft.nights, window_days, holdout_days)
    page.section("training")
    page.put("window_days", window_days, WINDOW_COMMENT, 1)
    page.put("holdout_days", holdout_days, "a fifth of the nights in the window; never trained on", 1)
    page.put("trainer", boosting.TRAINER.name, "takes nulls, categories and numbers as they are", 1)
    page.section("parameters", f"scikit-learn's names; {_size_comment(draft, rows)}", 1)
    usual = tree_size(effective_rows(rows, draft.positive_share))
    size = grown(draft.trial, rows) if draft.trial else usual
    for name, value in written_parameters(size, draft.label_facts.kind).items():
        page.put(name, value, PARAMETERS[name], 2)
    page.put("seed", 0, "the same data give the same model", 1)
    page.gap()


def _gates(page: Page, draft: SpecDraft) -> None:
    floor = LABEL_TYPES[draft.label_facts.kind].floor
    at_least = {floor.metric: floor.value}
    page.section("gates", "what a new model must show on judged nights before it scores")
    page.put("at_least", at_least, f"{floor.without_skill}: raise it once you know what is reached", 1)
    page.gap()


def _size_comment(draft: SpecDraft, rows: int) -> str:
    if draft.trial:
        return f"for {rows:,} rows to learn from, by what {draft.trial.rows:,} of them told of nights left out"
    counted = effective_rows(rows, draft.positive_share)
    if counted < rows:
        return f"for {rows:,} rows to learn from, which count as {counted:,} since one outcome is rare"
    return f"for {rows:,} rows to learn from"


def _predict(page: Page, draft: SpecDraft) -> None:
    label = LABEL_TYPES[draft.label_facts.kind]
    page.section("predict", "columns that the predictions have besides the keys")
    page.put("score", f"{draft.label}_score", "what the model gives", 1)
    page.put("prediction", f"predicted_{draft.label}", "what follows from it", 1)
    if label.has_threshold:
        costs = costs_of(draft.positive_share)
        page.put("costs", costs, costs_comment(draft.positive_share, costs), 1)
    page.gap()


def _drift(page: Page, draft: SpecDraft) -> None:
    page.section("drift")
    page.put("features", draft.drift, "the columns that alone tell the label best", 1)
    page.put("false_alarms", {"once_per_nights": 100}, "a default: quiet nights in which one alarm may open", 1)
    page.gap()


def _retrain(page: Page, draft: SpecDraft) -> None:
    nights = len(draft.nights)
    page.section("retrain", "defaults: when drift or lost accuracy starts a training by itself")
    page.put("nights", 2, "alarming nights needed ...", 1)
    page.put("of", 3, "... among this many last nights", 1)
    cadence = draft.cadence
    page.put("cooldown_days", cadence.cooldown_days, "days after a retrain in which none follows", 1)
    min_new_nights = min(cadence.new_nights, max(1, nights // 2))
    page.put("min_new_nights", min_new_nights, "labelled nights the champion has not seen", 1)
