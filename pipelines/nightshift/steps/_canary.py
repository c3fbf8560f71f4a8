"""Who scores a share of the rows before it scores them all, by model.yaml and the ledger."""

from nightshift.contracts import Verdict
from nightshift.errors import Superseded, UsageError
from nightshift.spec import ModelSpec
from nightshift.spec.canary import Canary
from nightshift.stores import Stores
from nightshift.stores.moves import AliasHead
from nightshift.stores.registry import CANARY

APPROVED = "approved"
"""What the origin of an entry calls the digest that a person said yes to (``_approval.signature``)."""
TAKEN_BACK = "taken_back"
"""What the origin of an entry that ends a canary for harm calls the number of the one that put it there."""


def canary_rule(spec: ModelSpec) -> Canary:
    """What model.yaml says of canaries. Raises ``UsageError`` where it says nothing."""
    if spec.canary is None:
        raise UsageError(
            f"{spec.name}: model.yaml has no canary, so nobody scores a share of its rows",
            fix="write `canary: {}` into it; docs/spec.md has its keys",
        )
    return spec.canary


def goes_to_canary(spec: ModelSpec, verdict: Verdict, head: AliasHead, stores: Stores) -> bool:
    """Whether who would take over first scores a share of the rows; never a first champion, and nobody twice."""
    rule = spec.canary
    if rule is None or verdict.champion is None:
        return False
    if rule.enters != "proven":
        return False
    return not was_canary(spec, verdict.candidate.version, head, stores)


def was_canary(spec: ModelSpec, version: str, head: AliasHead, stores: Stores) -> bool:
    """Whether a version has stood as a canary beside the champion of now, and does not any more."""
    return bool(_words_for(spec, version, head, stores))


def _words_for(spec: ModelSpec, version: str, head: AliasHead, stores: Stores) -> set[str]:
    """By whose word it stood there, as the digest that a person said yes to, empty for a gate's; nothing while it does.

    Beside the champion of now alone.
    """
    if CANARY not in head.last or head.version(CANARY) == version:
        return set()
    # Not the champion's last entry: that may withdraw another version, and is no beginning.
    champion_since = head.standings[-1].number
    words = set()
    for number, move in stores.aliases.ledger(spec.name).numbered():
        if number > champion_since and move and (move.alias, move.after) == (CANARY, version):
            words.add(move.origin.get(APPROVED, ""))
    return words


def require_not_ended(spec: ModelSpec, version: str, head: AliasHead, stores: Stores, word: str = "") -> None:
    """Raises ``Superseded`` for what was a canary by this word, and is none any more; ``word`` as ``approved`` has it.

    It is said again where a task is cleared, or a person answers twice, and is no reason to score all rows.
    """
    require_no_harm(spec, version, head, stores)
    if word in _words_for(spec, version, head, stores):
        raise Superseded(
            f"{spec.name}: version {version} stood as a canary by this very word, and was stopped since",
            fix=f"nightshift canary {spec.name}@{version} puts it there again, if it should go on",
        )


def require_no_harm(spec: ModelSpec, version: str, head: AliasHead, stores: Stores) -> None:
    """Raises ``Superseded`` for a version that did harm as a canary: the ledger says so, before its record does."""
    if CANARY not in head.last:
        return
    entries = stores.aliases.ledger(spec.name).numbered()
    if any(move and move.before == version and TAKEN_BACK in move.origin for _, move in entries):
        raise Superseded(
            f"{spec.name}: version {version} was taken back as a canary, since it did harm",
            fix=f"nightshift ledger {spec.name} says how much; another training makes another version",
        )


def was_approved(spec: ModelSpec, number: int, stores: Stores) -> bool:
    """Whether a person said yes to the version that an entry of the ledger put there."""
    return APPROVED in stores.aliases.ledger(spec.name).entry(number).origin
