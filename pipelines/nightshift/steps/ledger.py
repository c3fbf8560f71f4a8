"""What was decided about a model, in order: who became champion, who did not, who was taken back or withdrawn."""

from dataclasses import dataclass

from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasMove
from nightshift.stores.registry import CANARY, CHALLENGER, CHAMPION, SHADOW

ROLLBACK = "rollback: "
BY_HAND = "a person vouched for all before it"


@dataclass(frozen=True)
class StoryEntry:
    """One entry: its number, the night that it was decided for, what happened, and who did it, why.

    ``before`` and ``after`` are versions; of a withdrawal ``version`` is the one that is withdrawn.
    """

    number: int
    night: str | None
    what: str
    version: str | None
    before: str | None
    after: str | None
    who: str
    why: str


@dataclass(frozen=True)
class Story:
    """All entries, oldest first; who stands now; which versions are withdrawn, by which entry.

    ``looks`` is how many challengers were judged since the champion took over, and did not.
    """

    model: str
    champion: str | None
    challenger: str | None
    shadow: str | None
    canary: str | None
    looks: int
    withdrawn: dict[str, int]
    entries: list[StoryEntry]


def story(spec: ModelSpec, stores: Stores) -> Story:
    """The story of a model. Raises ``UnreadableRecord``, ``LakeUnavailable``."""
    ledger = stores.aliases.ledger(spec.name)
    head = ledger.head()
    numbered = ledger.numbered()
    return Story(
        model=spec.name,
        champion=head.version(CHAMPION),
        challenger=head.version(CHALLENGER),
        shadow=head.version(SHADOW),
        canary=head.version(CANARY),
        looks=head.looks,
        withdrawn=head.withdrawn,
        entries=[_entry(number, move) for number, move in numbered],
    )


def _entry(number: int, move: AliasMove | None) -> StoryEntry:
    if move is None:
        return StoryEntry(number, None, "seal", None, None, None, "a person", BY_HAND)
    return StoryEntry(
        number=number,
        night=move.night,
        what=_what(move),
        version=move.withdraws or move.after,
        before=move.before,
        after=move.after,
        who=who(move.origin),
        why=move.reason,
    )


def _what(move: AliasMove) -> str:
    if move.withdraws:
        return "withdrawal"
    if move.alias != CHAMPION:
        return move.alias
    return "rollback" if move.reason.startswith(ROLLBACK) else "promotion"


def who(origin: dict[str, str]) -> str:
    """The run of Airflow that did something, or the command line."""
    run = origin.get("airflow_run")
    if run:
        return f"{origin.get('airflow_dag', 'airflow')} {run}"
    return origin.get("by", "somebody")
