"""What monitoring saw of the newest night, told once for each episode, and once when it or a canary's harm is over.

An episode is told by the first night of it that may wake somebody, mostly that which opened it. Which one it is goes by
version and detector, of which one at most is open: a night that comes late may move its first night, and with it its
name, and is no second alarm.
"""

from nightshift.alerts.alert import Cause
from nightshift.alerts.desk import Desk
from nightshift.alerts.incident import Hit, Incident
from nightshift.alerts.teller import Heal, ended_by
from nightshift.contracts import Dataset, EpisodeChange
from nightshift.monitoring.night_record import NightRecord, read_night_record
from nightshift.monitoring.retrains import readable_decision
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout

ALARMS = frozenset({"drift", "accuracy"})


def tell_alarms(spec: ModelSpec, partition: str, desk: Desk, stores: Stores) -> None:
    """What the night did to episodes; nothing of one that is older than the newest. Raises ``LakeUnavailable``."""
    monitored = stores.lake.partitions(Dataset.MONITORING, spec.name, spec.partition.column)
    if not monitored or partition < monitored[-1]:
        return
    record = read_night_record(spec, partition, stores)
    if record is None:
        return
    for change in record.episodes:
        if change.change == "closed":
            desk.look(_if_of(_cause_key(spec, change), ended_by(f"the alarm closed on {change.night}")))
        elif not change.silenced:
            hit = Hit(spec.name, spec.owner, f"monitor.{change.detector}", (change.night,))
            desk.open(_incident(spec, record, change, hit, stores), hit)
    desk.look(lambda incident: _scored_without(spec, record, _replaced(spec, record, incident)))


def _cause_key(spec: ModelSpec, change: EpisodeChange) -> str:
    return f"{change.detector}-{spec.name}-{_version_of(spec, change)}"


def _version_of(spec: ModelSpec, change: EpisodeChange) -> str:
    """As an episode is named: model, version, detector, first night."""
    return change.episode.removeprefix(f"{spec.name}-").partition("-")[0]


def _if_of(key: str, heal: Heal) -> Heal:
    return lambda incident: heal(incident) if incident.cause.key == key else incident


def _replaced(spec: ModelSpec, record: NightRecord, incident: Incident) -> Incident:
    """An alarm about a version that scores no more, and whose labels have all been looked at, is over."""
    is_ours = incident.kind in ALARMS and incident.hits[0].model == spec.name
    if not is_ours or not incident.is_open:
        return incident
    version = incident.cause.key.rpartition("-")[2]
    judged = {record.version, *(accuracy.version for accuracy in record.accuracy)}
    if version in judged or (incident.kind == "accuracy" and not record.accuracy):
        return incident
    return incident.over(f"version {record.version} scores since {record.partition}")


def _scored_without(spec: ModelSpec, record: NightRecord, incident: Incident) -> Incident:
    """That a canary was taken back is over with a later night of which it scored nothing."""
    is_ours = incident.kind == "canary" and incident.hits[0].model == spec.name
    if not is_ours or not incident.is_open or record.partition <= incident.first_night:
        return incident
    version = incident.cause.key.rpartition("-")[2]
    if record.canary and record.canary.version == version:
        return incident
    return incident.over(f"version {version} scored nothing of {record.partition}")


def _incident(spec: ModelSpec, record: NightRecord, change: EpisodeChange, hit: Hit, stores: Stores) -> Incident:
    report = layout.drift_report(spec.key(Dataset.MONITORING, record.partition))
    links = {"report": f"{stores.lake.objects.uri}/{report}"}
    airflow = stores.settings.airflow_url
    if airflow:
        links["page"] = f"{airflow}/nightshift/reports/{spec.name}/{record.partition}"
    return Incident(
        number=1,
        cause=_cause(spec, record, change, stores),
        severity="page",
        hits=(hit,),
        lake=stores.settings.lake,
        links=links,
    )


def _cause(spec: ModelSpec, record: NightRecord, change: EpisodeChange, stores: Stores) -> Cause:
    version = _version_of(spec, change)
    night = f"{spec.name} {change.night}"
    is_drift = change.detector == "drift"
    if is_drift:
        title = f"{night}: {record.drift.worst} has drifted from what version {version} learnt"
        evidence = _of_drift(record)
    else:
        title = f"{night}: version {version} is worse than on the nights that judged it"
        evidence = _of_accuracy(record, change)
    key = layout.decision(spec.name, record.partition)
    decision = readable_decision(key, stores.lake.objects)
    decided = f"; {decision.reason}" if decision else ""
    return Cause(
        kind="drift" if is_drift else "accuracy",
        key=_cause_key(spec, change),
        title=title,
        evidence=f"{evidence}; episode {change.episode}{decided}",
        next_command=f"nightshift acknowledge {spec.name} {change.episode} --why TEXT",
    )


def _of_drift(record: NightRecord) -> str:
    drift = record.drift
    words = f"{drift.worst} is at {drift.ratio:.0%} of its alarm line, of {drift.rows:,} rows"
    alarmed = [name for name, verdict in drift.detectors.items() if verdict]
    return f"{words}, by {' and '.join(alarmed)}" if alarmed else words


def _of_accuracy(record: NightRecord, change: EpisodeChange) -> str:
    for accuracy in record.accuracy:
        pooled = accuracy.pooled
        if accuracy.night == change.night and pooled and pooled.worst:
            now = pooled.values.get(pooled.worst, float("nan"))
            usual = pooled.usual.get(pooled.worst, float("nan"))
            return f"{pooled.worst} is {now:.4g} over {len(pooled.nights)} labelled nights, usually {usual:.4g}"
    return f"the loss of {change.night} is above what a quiet night has"
