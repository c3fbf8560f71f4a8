"""Every figure there is: its name, what it means, by what it is told apart, and its unit.

Names are Prometheus': base units, ``_timestamp_seconds`` for a moment, ``_info`` for words. A figure's help says whose
clock a moment is by. Values of ``model`` are the folders of ``models/``, those of the other labels stand in the code;
versions and digests are in ``_info`` figures alone.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

Unit = Literal["Seconds", "Count", "None"]
MODEL = "model"
PREFIX = "nightshift_"


@dataclass(frozen=True)
class Figure:
    """A figure without its value; ``unit`` is CloudWatch's word for it."""

    name: str
    help: str
    labels: tuple[str, ...] = (MODEL,)
    unit: Unit = "None"

    @property
    def is_info(self) -> bool:
        """Whether it is there for its labels, and its value is always 1."""
        return self.name.endswith("_info")

    def at(self, value: float | bool, *labels: str) -> "Sample":
        """A value of it."""
        return Sample(self, float(value), labels)


class Sample(NamedTuple):
    """A figure's value; ``labels`` in the order of the figure's."""

    figure: Figure
    value: float
    labels: tuple[str, ...]


OF_DATASET = (MODEL, "dataset")
OF_DETECTOR = (MODEL, "detector")
OF_MEASURE = (MODEL, "measure")
OF_VERSION = (MODEL, "version", "digest")

UP = Figure("nightshift_up", "Whether all models could be looked at when the lake was looked at last.", ())
LAST_SUCCESS = Figure(
    "nightshift_last_success_timestamp_seconds",
    "When all models could last be looked at, by the clock of who serves this; 0 for never.",
    (),
    "Seconds",
)
LOOK_DURATION = Figure("nightshift_look_duration_seconds", "How long the last look at the lake took.", (), "Seconds")
BUILD = Figure("nightshift_build_info", "The version of Nightshift that serves this.", ("version",))

MODEL_UP = Figure("nightshift_model_up", "Whether all of the model could be read at the last look; its log says why.")
MODEL_LAST_SUCCESS = Figure(
    "nightshift_model_last_success_timestamp_seconds",
    "When all of the model could last be read, by the clock of who serves this; 0 for never.",
    unit="Seconds",
)

LAST_NIGHT = Figure(
    "nightshift_last_night_timestamp_seconds",
    "The newest night of a dataset, as midnight UTC of its date: the calendar of nights, and no clock.",
    OF_DATASET,
    "Seconds",
)
LAST_WRITTEN = Figure(
    "nightshift_last_night_written_timestamp_seconds",
    "When the newest night of a dataset was last written, by the store's clock.",
    OF_DATASET,
    "Seconds",
)
NEXT_NIGHT = Figure(
    "nightshift_next_night_timestamp_seconds",
    "When the schedule begins the night after the newest published one: by model.yaml, and no clock.",
    unit="Seconds",
)
ROWS = Figure("nightshift_night_rows", "Rows of the newest published night.", unit="Count")
ROWS_IN = Figure("nightshift_night_rows_in", "Rows that came in for the newest validated night.", unit="Count")
ROWS_QUARANTINED = Figure(
    "nightshift_night_rows_quarantined", "Rows of the newest validated night that went to quarantine.", unit="Count"
)
DURATION = Figure(
    "nightshift_night_duration_seconds",
    "From the start of the run that published the newest night to its commit, by the clock of who ran it.",
    unit="Seconds",
)

DRIFT_RATIO = Figure(
    "nightshift_drift_ratio", "The newest monitored night's drift as a share of its alarm line: above 1 is an alarm."
)
DRIFT_ALARM = Figure(
    "nightshift_drift_alarm", "Whether the newest monitored night drifted; not there where no detector can say."
)
EPISODE_OPEN = Figure("nightshift_episode_open", "Whether the champion has an open episode.", OF_DETECTOR)
EPISODE_NIGHTS = Figure(
    "nightshift_episode_nights", "Alarmed nights of the open episode, 0 without one.", OF_DETECTOR, "Count"
)
EPISODE_SILENCED = Figure(
    "nightshift_episode_silenced", "Whether a person acknowledged or muted the open episode.", OF_DETECTOR
)

LABELLED_VALUE = Figure(
    "nightshift_accuracy_value", "Skill, rank and bias over the last labelled nights of a version.", OF_MEASURE
)
USUAL_VALUE = Figure("nightshift_accuracy_usual", "The same over the nights that judged the version.", OF_MEASURE)
ACCURACY_RATIO = Figure(
    "nightshift_accuracy_ratio", "Evidence of lost accuracy as a share of what is needed: 1 and above is an alarm."
)
ACCURACY_LOST = Figure(
    "nightshift_accuracy_lost",
    "Whether accuracy is lost as of the newest labelled night; not there where nothing can be promised.",
)

CHAMPION = Figure("nightshift_champion_info", "The champion by the ledger: version and digest of graph.", OF_VERSION)
CHAMPION_TRAINED = Figure(
    "nightshift_champion_trained_through_timestamp_seconds",
    "The last night that the champion learnt from, as midnight UTC of its date.",
    unit="Seconds",
)
CHAMPION_AGE = Figure(
    "nightshift_champion_age_seconds",
    "From the last night that the champion learnt from to the newest published one: by nights, and no clock.",
    unit="Seconds",
)
CHAMPION_MAX_AGE = Figure(
    "nightshift_champion_max_age_seconds", "training.max_age_days of model.yaml, where it is set.", unit="Seconds"
)
RETRAINS = Figure(
    "nightshift_retrains_of_month", "Retrains started in the month of the newest published night.", unit="Count"
)
BUDGET = Figure(
    "nightshift_retrain_budget", "retrain.per_month of model.yaml, where it is set: retrains of a month.", unit="Count"
)
REJECTED = Figure(
    "nightshift_retrains_rejected", "Challengers in a row that did not take over from the champion.", unit="Count"
)
REJECTED_MOST = Figure(
    "nightshift_retrains_rejected_limit", "retrain.give_up_after of model.yaml, where it is set.", unit="Count"
)

SHADOW = Figure("nightshift_shadow_info", "The challenger in shadow: version and digest of graph.", OF_VERSION)
SHADOW_NIGHTS = Figure(
    "nightshift_shadow_nights", "Labelled nights that the challenger in shadow has so far.", unit="Count"
)
SHADOW_NEEDED = Figure(
    "nightshift_shadow_nights_limit", "shadow.nights of model.yaml: then its shadow ends.", unit="Count"
)
SHADOW_DIFFERENCE = Figure(
    "nightshift_shadow_loss_difference", "Mean loss of a row, challenger in shadow less champion: below 0 is better."
)
SHADOW_LOW = Figure("nightshift_shadow_loss_difference_low", "The lower end of its confidence sequence.")
SHADOW_HIGH = Figure("nightshift_shadow_loss_difference_high", "The upper end of its confidence sequence.")

REPLAYED_ROWS = Figure(
    "nightshift_replayed_rows", "Rows answered by day that the newest replay scored again.", unit="Count"
)
SKEW_ROWS = Figure(
    "nightshift_skew_rows",
    "Those of them that have other bits at night than by day: above 0 is an alarm.",
    unit="Count",
)
NOT_REPLAYED_ROWS = Figure(
    "nightshift_not_replayed_rows", "Rows that the newest replay could not score again.", unit="Count"
)
REPLAY_DRIFT = Figure(
    "nightshift_replay_drift_ratio",
    "The drift of rows answered by day as a share of the line at which a night alarms; it alarms nobody.",
)

FIGURES = tuple(value for value in list(globals().values()) if isinstance(value, Figure))
"""All of them, in the order in which they stand here."""
