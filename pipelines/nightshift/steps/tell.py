"""Tell people what they should know of a night, once: that a task failed for good, an alarm, a night that is late.

What is old wakes nobody: a night before the newest that came in. Nor what a person has muted or acknowledged.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from nightshift.alerts.alert import Cause
from nightshift.alerts.causes import LAKE_OUTAGE, cause_of_failure, sharing
from nightshift.alerts.channels.opened import OfConnection
from nightshift.alerts.desk import Desk
from nightshift.alerts.incident import Hit, Incident
from nightshift.alerts.teller import healed_by
from nightshift.contracts import CanaryVerdict, Dataset
from nightshift.errors import NightshiftError
from nightshift.monitoring.silences import silences
from nightshift.spec import ModelSpec, find_spec, load_good_specs
from nightshift.steps._late import PUBLISHES, LateNight, due_nights, is_late, late_nights
from nightshift.stores import Stores

log = logging.getLogger("nightshift")
OF_NO_NIGHT = frozenset({"maintain", "train", "retrain", "rollback", "retract"})
"""Families whose failure is none of a night that somebody waits for: they are told as a notice."""

REPLAYS = "monitor.replay"


@dataclass(frozen=True)
class TaskEnd:
    """How a task of a run ended, ``<verb>.<task>``: by ``error``, by what ``words`` say, or well."""

    model: str
    task: str
    night: str
    error: NightshiftError | None = None
    words: str = ""
    links: dict[str, str] = field(default_factory=dict)

    @property
    def nights(self) -> tuple[str, ...]:
        """Its night, if it has one."""
        return (self.night,) if self.night else ()

    @property
    def is_of_night(self) -> bool:
        """Whether somebody waits for its night."""
        return self.task.partition(".")[0] not in OF_NO_NIGHT


def tell_failure(end: TaskEnd, stores: Stores, of_connection: OfConnection | None = None) -> Incident | None:
    """Tell of a task that failed for good; None where nobody is to hear of it. Raises ``UsageError``."""
    desk = Desk(stores, of_connection)
    if desk.is_closed:
        return None
    specs, _ = load_good_specs(stores.settings.models)
    spec = next((spec for spec in specs if spec.name == end.model), None)
    cause = cause_of_failure(end.model, end.task, end.night, end.error, end.words, spec)
    if spec and cause.key != LAKE_OUTAGE and _is_quiet(spec, end, stores):
        return None
    owner = spec.owner if spec else ""
    hit = Hit(end.model, owner, end.task, end.nights)
    reach = sharing(spec, cause, specs) if spec else ()
    return desk.open(_incident(cause, [hit], stores, reach, end.links, is_page=end.is_of_night), hit)


def tell_success(end: TaskEnd, stores: Stores, of_connection: OfConnection | None = None) -> None:
    """A task went well: what it failed by is over, and what was not told yet is. Raises ``LakeUnavailable``."""
    desk = Desk(stores, of_connection)
    if desk.is_closed:
        return
    heal = healed_by(end.model, {end.task}, end.night)
    desk.look(heal)
    if end.task == REPLAYS:
        from nightshift.steps._skew_told import tell_skew

        tell_skew(find_spec(stores.settings.models, end.model), desk, stores)
    if end.task != "monitor.govern":
        return
    # All that judges a night comes with it, and each task that goes well comes by.
    from nightshift.steps._alarms import tell_alarms

    spec = find_spec(stores.settings.models, end.model)
    tell_alarms(spec, end.night, desk, stores)


def tell_late(model: str, stores: Stores, of_connection: OfConnection | None = None) -> Incident | None:
    """Tell that the newest night of a model which is due is not published, with all others that were due then.

    None where it is, or where people know of the night already. Raises ``LakeUnavailable``.
    """
    desk = Desk(stores, of_connection)
    if desk.is_closed:
        return None
    specs, _ = load_good_specs(stores.settings.models)
    due = due_nights(specs)
    own = due.get(model)
    if own is None or not is_late(own, stores) or _is_known(own, desk.all_open()):
        return None
    others = [each for each in due.values() if each.due == own.due and each.model != own.model]
    return _open_late(own, [each for each in others if is_late(each, stores)], desk, stores)


def tell_taken_back(
    verdict: CanaryVerdict, night: str, stores: Stores, of_connection: OfConnection | None = None
) -> Incident | None:
    """Tell that a canary did harm: rows that it scored are published, and only a person may have them scored again.

    None where nobody is to hear of it. Raises ``UsageError``.
    """
    desk = Desk(stores, of_connection)
    if desk.is_closed:
        return None
    spec = find_spec(stores.settings.models, verdict.model)
    hit = Hit(spec.name, spec.owner, "predict.canary_verdict", (night,))
    cause = Cause(
        kind="canary",
        key=f"canary-{spec.name}-{verdict.version}",
        title=f"{spec.name} {night}: version {verdict.version} did harm as a canary, and was taken back",
        evidence=f"{verdict.reason}; it scored a share of {verdict.share:g} of the rows since {verdict.since}",
        next_command=f"nightshift ab {spec.name}",
    )
    return desk.open(_incident(cause, [hit], stores), hit)


def tell(specs: Sequence[ModelSpec], stores: Stores, of_connection: OfConnection | None = None) -> list[Incident]:
    """Whatever is due of these models, by the lake alone: late nights, alarms, and what was not told yet.

    For who has no Airflow, and for a clock outside of it. Raises ``LakeUnavailable``, ``UsageError``.
    """
    from nightshift.steps._alarms import tell_alarms
    from nightshift.steps._skew_told import tell_skew

    desk = Desk(stores, of_connection)
    if desk.is_closed:
        return []
    _tell_all_late(list(late_nights(specs, stores)), desk, stores)
    for spec in specs:
        monitored = stores.lake.partitions(Dataset.MONITORING, spec.name, spec.partition.column)
        if monitored:
            tell_alarms(spec, monitored[-1], desk, stores)
        tell_skew(spec, desk, stores)
        published = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, spec.partition.column)
        if published:
            desk.look(healed_by(spec.name, {PUBLISHES}, published[-1]))
    return desk.look(_as_it_is)


def _is_known(late: LateNight, incidents: Sequence[Incident]) -> bool:
    """Whether people were told of the night already."""
    return any(incident.named(late.model, late.night) for incident in incidents)


def _tell_all_late(late: Sequence[LateNight], desk: Desk, stores: Stores) -> None:
    known = desk.all_open() if late else []
    for own in late:
        if not _is_known(own, known):
            together = [each for each in late if each.due == own.due and each.model != own.model]
            known.append(_open_late(own, together, desk, stores))


def _open_late(own: LateNight, others: Sequence[LateNight], desk: Desk, stores: Stores) -> Incident:
    """Tell of a late night, and in the same alert of others that were due when it was."""
    hits = [each.hit for each in (own, *others)]
    return desk.open(_incident(own.cause(len(others)), hits, stores), own.hit)


def _as_it_is(incident: Incident) -> Incident:
    return incident


def _incident(
    cause: Cause,
    hits: Sequence[Hit],
    stores: Stores,
    reach: tuple[str, ...] = (),
    links: dict[str, str] | None = None,
    *,
    is_page: bool = True,
) -> Incident:
    return Incident(
        number=1,
        cause=cause,
        severity="page" if is_page else "notice",
        hits=tuple(hits),
        lake=stores.settings.lake,
        reach=reach,
        links=links or {},
    )


def _is_quiet(spec: ModelSpec, end: TaskEnd, stores: Stores) -> bool:
    """Whether nobody is to be woken: for an old night, or where somebody muted it. What cannot be asked says no."""
    if not end.night or not end.is_of_night:
        return False
    try:
        came_in = stores.lake.partitions(Dataset.RAW, spec.name, spec.partition.column)
        muted = silences(spec.name, stores).head().muted(end.night)
    except NightshiftError as error:
        log.warning("%s: whether %s is muted is not known: %s", spec.name, end.night, error.message)
        return False
    is_old = bool(came_in) and end.night < came_in[-1]
    return is_old or bool(muted)
