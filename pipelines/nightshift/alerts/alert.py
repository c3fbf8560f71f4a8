"""What an alert is: small, frozen, and the same for every channel."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["outage", "refused", "failed", "late", "drift", "accuracy", "canary", "skew", "test"]
AlertEvent = Literal["opened", "recovered", "test"]
Severity = Literal["page", "notice"]
SEVERITIES: tuple[Severity, ...] = ("page", "notice")
SCHEMA = 1
"""Of what a webhook gets, docs/alerts.md; raised when a field changes its meaning."""


@dataclass(frozen=True)
class Cause:
    """What is wrong, and of what: alerts of one ``key`` are one.

    ``key`` may stand in a key of the lake. ``title`` says it in a line, ``next_command`` is what to do about it.
    """

    kind: Kind
    key: str
    title: str
    evidence: str
    next_command: str


@dataclass(frozen=True)
class Alert:
    """What a person is told. ``id`` is the same each time that it is sent, and for its recovery.

    ``nights`` has those of each model that were hit, ``reach`` the models that use the same source and may be next.
    ``runbook`` is the page on it, ``links`` lead to report, run or log.
    """

    id: str
    event: AlertEvent
    kind: Kind
    severity: Severity
    title: str
    night: str
    models: tuple[str, ...]
    owners: tuple[str, ...]
    nights: dict[str, tuple[str, ...]]
    evidence: str
    next_command: str
    runbook: str
    lake: str
    reach: tuple[str, ...] = ()
    links: dict[str, str] = field(default_factory=dict)

    @property
    def send_id(self) -> str:
        """Of this message: what a receiver has seen before is the same message again."""
        return f"{self.id}/{self.event}"
