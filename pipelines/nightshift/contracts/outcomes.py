"""What came of monitoring, of taking a night back, and of maintenance, for who asked for it."""

from dataclasses import field

from pydantic.dataclasses import dataclass


@dataclass(frozen=True)
class EpisodeChange:
    """What a night did to an alarm: ``change`` is opened, updated or closed, by a verdict on ``night``.

    ``episode`` is its id, ``nights`` how many have alarmed so far. ``silenced`` says why it wakes nobody; empty where
    it does.
    """

    episode: str
    detector: str
    change: str
    night: str
    first_night: str
    nights: int
    silenced: str = ""


@dataclass(frozen=True)
class NightReport:
    """What monitoring saw: drift of this night, accuracy of the nights whose labels have arrived.

    ``notes`` is what a person should know, and nothing to be woken for; ``episodes`` is that, once for each episode
    that it opens. ``judged_again`` are later nights whose drift was held against this one, judged anew with it.
    """

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
    notes: list[str] = field(default_factory=list)
    episodes: list[EpisodeChange] = field(default_factory=list)
    judged_again: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Decision:
    """What the governor decided for one night, and why. ``run_id`` is the retrain's, deterministic."""

    model: str
    partition: str
    retrain: bool
    reason: str
    run_id: str


@dataclass(frozen=True)
class ShadowVerdict:
    """What the nights of a challenger in shadow say together, and what came of it.

    ``outcome`` is *better*, *worse*, *futile*, *open*, or *ended* after as many nights as it was given. The interval is
    of the mean difference of a row, below 0 where the challenger is better; None of too few nights. ``waits_for`` is
    the digest of the verdict that a person is asked about, if one is.
    """

    model: str
    version: str
    champion: str
    since: str
    nights: int
    outcome: str
    reason: str
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    moved: bool = False
    waits_for: str = ""


@dataclass(frozen=True)
class CanaryVerdict:
    """What the nights of a canary say together, and what came of it.

    ``outcome`` is *harmful*: it is taken back; *held*: it had its nights, and takes over if it had passed; or *open*.
    ``share`` is that of the rows. The interval is of what a row loses more with it; None of too few nights.
    ``waits_for`` is the digest of the verdict that a person is asked about, if one is.
    """

    model: str
    version: str
    champion: str
    share: float
    since: str
    nights: int
    outcome: str
    reason: str
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    moved: bool = False
    waits_for: str = ""


@dataclass(frozen=True)
class Replayed:
    """How many rows that were answered by day a night scored again, and how many of them had other bits then.

    ``not_replayable`` are those that could not be scored again, by the reason.
    """

    model: str
    partition: str
    rows: int
    skew_rows: int
    not_replayable: dict[str, int] = field(default_factory=dict)


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
