"""The ledger of a model in sentences, the newest first."""

from dataclasses import dataclass

from nightshift.pages.ledger_facts import Decided, LedgerFacts
from nightshift.stores.registry import CHAMPION

ROLLBACK = "rollback: "


@dataclass(frozen=True)
class StoryLine:
    """What was decided for a night, in a sentence; ``why`` and ``by`` are as they were written."""

    number: int
    night: str
    sentence: str
    why: str
    by: str


def story_of(ledger: LedgerFacts) -> list[StoryLine]:
    """As far as it was read."""
    return [_line(entry) for entry in ledger.story]


def _line(entry: Decided) -> StoryLine:
    return StoryLine(entry.number, entry.night or "", _sentence(entry), entry.reason, entry.by)


def _sentence(entry: Decided) -> str:
    after = f"Version {entry.after}"
    before = f"version {entry.before}"
    if not entry.alias:
        return "A person vouched for all before"
    if entry.withdraws:
        stands = f"; {after.lower()} stands in its place" if entry.after and entry.after != entry.before else ""
        return f"Version {entry.withdraws} was withdrawn{stands}"
    if entry.after is None:
        return f"{before.capitalize()} is no {entry.alias} any more"
    if entry.alias != CHAMPION:
        return f"{after} became {entry.alias}"
    if entry.reason.startswith(ROLLBACK):
        return f"{after} is champion again, in place of {before}"
    if entry.before:
        return f"{after} became champion, in place of {before}"
    return f"{after} became the first champion"
