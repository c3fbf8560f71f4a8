"""That a night gave rows other bits than they had by day, told once for a version until its rows agree again."""

from nightshift.alerts.alert import Cause
from nightshift.alerts.desk import Desk
from nightshift.alerts.incident import Hit, Incident
from nightshift.monitoring.replay.record import ReplayNight, VersionReplay, newest_replay
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

KIND = "skew"
TASK = "monitor.replay"


def tell_skew(spec: ModelSpec, desk: Desk, stores: Stores) -> None:
    """What the newest replay says of each version. Raises ``LakeUnavailable``, ``UnreadableRecord``."""
    record = newest_replay(spec.name, stores)
    if record is None:
        return
    for version, replayed in record.versions.items():
        if replayed.skew_rows:
            hit = Hit(spec.name, spec.owner, TASK, (record.night,))
            desk.open(_incident(record, version, replayed, hit, stores), hit)
    desk.look(lambda incident: _agreeing(spec, record, incident))


def _key(model: str, version: str) -> str:
    return f"{KIND}-{model}-{version}"


def _agreeing(spec: ModelSpec, record: ReplayNight, incident: Incident) -> Incident:
    """It is over with a later night that replayed rows of the version and found none, or no rows of it any more."""
    is_ours = incident.kind == KIND and incident.hits[0].model == spec.name
    if not is_ours or not incident.is_open or record.night <= incident.first_night:
        return incident
    version = incident.cause.key.rpartition("-")[2]
    replayed = record.versions.get(version)
    if replayed is None:
        return incident.over(f"no row that {record.night} replayed was answered by version {version}")
    if replayed.skew_rows:
        return incident
    return incident.over(f"{replayed.rows:,} rows that {record.night} replayed have the bits that they had by day")


def _incident(record: ReplayNight, version: str, replayed: VersionReplay, hit: Hit, stores: Stores) -> Incident:
    cause = Cause(
        kind="skew",
        key=_key(record.model, version),
        title=f"{record.model} {record.night}: version {version} answered rows with other bits than at night",
        evidence=_evidence(replayed),
        next_command=f"nightshift replay {record.model} {record.night}",
    )
    return Incident(
        number=1,
        cause=cause,
        severity="notice",
        hits=(hit,),
        lake=stores.settings.lake,
    )


def _evidence(replayed: VersionReplay) -> str:
    apart = "" if replayed.largest is None else f", by up to {replayed.largest:.2g}"
    return (
        f"{replayed.skew_rows:,} of {replayed.rows:,} rows differ{apart};"
        f" requests {', '.join(replayed.examples)} are some of them"
    )
