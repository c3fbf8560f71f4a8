"""One night on one page: self-contained HTML that a person on call reads in ten seconds.

No script, no external resource; charts are SVG in the page, colours follow the reader's light or dark
setting. Everything from data is escaped.
"""

from collections.abc import Sequence
from typing import Any

from nightshift.mlflow_pages import version_page
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.accuracy_record import Accuracy
from nightshift.monitoring.age import old_champion
from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.night_record import NightRecord
from nightshift.monitoring.report.beside import Beside
from nightshift.monitoring.report.chart import CHART
from nightshift.monitoring.report.histogram import histogram, ticks
from nightshift.monitoring.report.losses import accuracy_columns, loss_line, loss_of, number
from nightshift.monitoring.report.next_steps import next_steps
from nightshift.monitoring.report.skills import cannot_tell, evidence_share, skill_line
from nightshift.monitoring.report.values import text_of
from nightshift.monitoring.report.words import alarms, carried_in_words, out_of_reach, rows_in_words, since, verdict
from nightshift.monitoring.templates import template_of
from nightshift.profiles import distance
from nightshift.spec import ModelSpec

TOP = 6
MOST_LISTED = 20
"""Features with a line of their own; of the others names and shares are enough."""
# Bars end at three times the alarm line: beyond it the number says how far.
WIDEST = 3.0
MOST_SLICES = 5
MOST_CARRIED = 8


def render(spec: ModelSpec, night: NightRecord, mlflow_url: str, beside: Beside | None = None) -> str:
    """The page of a night, from its record and what is ``beside`` it."""
    template = template_of("report.html.j2")
    beside = beside or Beside()
    features = night.drift.features
    score = _score_feature(spec, features)
    others = [feature for feature in features if feature is not score]
    has_rows = bool(night.drift.rows)
    top = [_drawn(spec, feature) for feature in others[:TOP]] if has_rows else []
    drawn_score = _drawn(spec, score) if score and has_rows else None
    losses = {record.loss.replace("_", " ") for record in night.accuracy}
    return template.render(
        night=night,
        drift=night.drift,
        title=verdict(night),
        alarms=alarms(night),
        since=since(night),
        steps=next_steps(night, beside.decision, bool(alarms(night))),
        decision=beside.decision,
        estimates=beside.estimates,
        scored_by=beside.scored_by,
        dropped=rows_in_words(night),
        carried_in_words=carried_in_words,
        top=top,
        score=drawn_score,
        listed=features[:MOST_LISTED],
        rest=features[MOST_LISTED:],
        last=_last_skilled(night),
        widest=_widest(features),
        line=loss_line(night.accuracy),
        skills=skill_line(night.accuracy),
        evidence_share=evidence_share,
        cannot_tell=cannot_tell(night.accuracy),
        unreachable=out_of_reach(features),
        version_url=version_page(mlflow_url, spec.name, night.version),
        decides=_decides(spec),
        old=old_champion(spec, night.version, night.pin.trained_through, night.partition),
        columns=accuracy_columns(spec, night.accuracy),
        loss=" or ".join(sorted(losses)),
        distance_name=distance.NAME,
        loss_of=loss_of,
        number=number,
        most_slices=MOST_SLICES,
        most_carried=MOST_CARRIED,
        chart=CHART,
    )


def _drawn(spec: ModelSpec, feature: FeatureDrift) -> dict[str, Any]:
    """A feature with its bars and their ticks."""
    text = text_of(spec.columns.get(feature.feature))
    bars = histogram(feature, text)
    is_category = feature.kind == "category"
    if is_category:
        bars = [bar for bar in bars if bar["night"] or bar["reference"]]
    return {
        "feature": feature,
        "bars": bars,
        "ticks": [] if is_category else ticks(bars, text),
        "is_category": is_category,
    }


def _last_skilled(night: NightRecord) -> Accuracy | None:
    """The last labelled night of which there is a skill."""
    for record in reversed(night.accuracy):
        if record.skill:
            return record
    return None


def _score_feature(spec: ModelSpec, features: Sequence[FeatureDrift]) -> FeatureDrift | None:
    """What the model publishes, as it is watched for drift; None where it is not watched."""
    column = label_type(spec).drift_column
    for feature in features:
        if feature.feature == column:
            return feature
    return None


def _decides(spec: ModelSpec) -> str:
    if label_type(spec).has_threshold:
        return f"decides at {spec.predict.decides_from}"
    return "as published"


def _widest(features: Sequence[FeatureDrift]) -> float:
    """Where bars of ratios end: at the greatest, from the alarm line on and not beyond ``WIDEST``."""
    ratios = [feature.ratio for feature in features if feature.calibrated]
    greatest: float = max([1.0, *ratios])
    return min(greatest, WIDEST)
