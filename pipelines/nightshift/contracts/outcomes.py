"""What came of monitoring, of taking a night back, and of maintenance, for who asked for it."""

from pydantic.dataclasses import dataclass


@dataclass(frozen=True)
class NightReport:
    """What monitoring saw: drift of this night, accuracy of the nights whose labels have arrived."""

    model: str
    partition: str
    version: str
    drifted: bool
    statistic: float
    threshold: float
    worst: str
    accuracy_nights: list[str]
    lost_accuracy: bool
    report_key: str


@dataclass(frozen=True)
class Decision:
    """What the governor decided for one night, and why. ``run_id`` is the retrain's, deterministic."""

    model: str
    partition: str
    retrain: bool
    reason: str
    run_id: str


@dataclass(frozen=True)
class Retracted:
    """A night that was taken back. ``rows``: what people could read before, by dataset; 0 where that was nothing.

    ``labels`` says what becomes of them, and ``bring_back`` is the command that does.
    """

    model: str
    partition: str
    by: str
    why: str
    rows: dict[str, int]
    labels: str
    bring_back: str


@dataclass(frozen=True)
class Maintained:
    """What maintenance found, and did or would do; counts of nights, files and uploads, sizes in bytes."""

    model: str
    dry_run: bool
    nights: int
    healed: int
    strays: int
    collected: int
    collected_bytes: int
    kept: int
    kept_bytes: int
    uploads_aborted: int
    uploads_kept: int
    aliases: int = 0
