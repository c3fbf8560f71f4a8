"""Which heading of the runbook an alert leads to. ``tests/unit/alerts`` holds them to docs/runbook.md."""

from nightshift.alerts.alert import Kind

RUNBOOK = "docs/runbook.md"
HEADINGS: dict[Kind, str] = {
    "outage": "alert-an-outage",
    "refused": "alert-a-refused-night",
    "failed": "alert-a-failed-task",
    "late": "alert-a-late-night",
    "drift": "alert-an-alarm-of-monitoring",
    "accuracy": "alert-an-alarm-of-monitoring",
    "canary": "alert-a-canary-taken-back",
    "skew": "alert-an-answer-that-differs-at-night",
    "test": "alert-a-channel-that-fails",
}


def page_on(kind: Kind, runbook: str = "") -> str:
    """The page on a kind of alert; ``runbook`` is where the installation has it, the repository's by default."""
    return f"{runbook or RUNBOOK}#{HEADINGS[kind]}"
