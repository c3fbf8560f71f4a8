"""A model as its page shows it: its nights, alarms, and how it is."""

from dataclasses import dataclass

from nightshift.errors import UnreadableRecord
from nightshift.monitoring.retrains import DecisionRecord
from nightshift.pages.alarms import ShownAlarm, alarms_of
from nightshift.pages.health import Health, earlier_nights, health_of
from nightshift.pages.overview import MOST_REQUESTS, WITHOUT_BOUND, Overview, overview
from nightshift.pages.recent_nights import PER_PAGE
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout

OF_DECISION = 1


@dataclass(frozen=True)
class ModelLook:
    """What there is to see of a model: of the nights shown, and of alarms also what began before them."""

    view: Overview
    alarms: list[ShownAlarm]
    health: Health


def look_at(
    spec: ModelSpec, stores: Stores, before: str = "", most: int = PER_PAGE, requests: int = MOST_REQUESTS
) -> ModelLook:
    """A model by its newest nights, or those before one. Raises ``LakeUnavailable``."""
    if requests < WITHOUT_BOUND:
        requests -= OF_DECISION
    view = overview(spec, stores, before, most, requests)
    facts = view.earlier_facts | view.facts
    if before:
        alarms = alarms_of(spec, facts, view.ledger, are_earlier=True)
        return ModelLook(view, alarms, earlier_nights(before))
    alarms = alarms_of(spec, facts, view.ledger)
    decision = ""
    if any(alarm.needs_person for alarm in alarms):
        decision = _decision(view, stores)
    health = health_of(view, alarms, decision)
    return ModelLook(view, alarms, health)


def _decision(view: Overview, stores: Stores) -> str:
    """What the governor said of the newest night that was monitored."""
    monitored = [night.partition for night in view.nights if night.verdict]
    if not monitored:
        return ""
    key = layout.decision(view.spec.name, monitored[0])
    try:
        record = stores.lake.objects.get_record(key, DecisionRecord)
    except UnreadableRecord:
        return "what it decided cannot be read"
    return record.reason if record else ""
