"""An alert as people read it: a subject and a body of plain text.

Texts may come from data, so that what a terminal, a mail header or a chat would obey is written out.
"""

from collections.abc import Iterable

from nightshift.alerts.alert import Alert
from nightshift.errors import plain

LONGEST_SUBJECT = 180
MOST_NAMED = 20
MENTIONS = {"<!": "<\u200b!", "@": "@\u200b"}
"""What chats take for a call to everybody: a space of no width stands between."""
WORDS = {"opened": "", "recovered": "over: ", "test": "test: "}


def subject(alert: Alert) -> str:
    """One line."""
    start = WORDS[alert.event]
    text = f"[nightshift] {start}{alert.title}"
    line = _line(text)
    return line[:LONGEST_SUBJECT]


def body(alert: Alert) -> str:
    """All that an alert says, a fact a line."""
    facts = [
        ("what", f"{WORDS[alert.event]}{alert.title}"),
        ("night", alert.night),
        ("models", _names(alert.models)),
        ("nights", "; ".join(_nights_of(alert))),
        ("same source", _names(alert.reach)),
        ("evidence", alert.evidence),
        ("next", alert.next_command),
        ("runbook", alert.runbook),
        *alert.links.items(),
        ("id", alert.id),
    ]
    lines = [f"{name}: {_line(text)}" for name, text in facts if text]
    return "\n".join(lines)


def _nights_of(alert: Alert) -> Iterable[str]:
    for model, nights in alert.nights.items():
        if nights and (len(nights) > 1 or len(alert.nights) > 1):
            yield f"{model} {_names(nights)}"


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _line(text: str) -> str:
    line = plain(text, kept="")
    for call, harmless in MENTIONS.items():
        line = line.replace(call, harmless)
    return line
