"""Withdraw a version for good: it scores nothing any more, and in its place stands the one before it.

One entry of the ledger says both, so that whoever dies has done all of it or nothing. What it scored stays published
until somebody scores these nights again. An entry is never taken out: a recipe that was right after all is trained
again, and gets another version.
"""

from dataclasses import dataclass

from nightshift.concurrency import ordered_map
from nightshift.contracts import Dataset
from nightshift.errors import ModelError, UnreadableRecord, UsageError
from nightshift.spec import ModelSpec
from nightshift.steps._moving import new_move, require_version, show
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasHead, AliasMove
from nightshift.stores.registry import CHAMPION

AT_ONCE = 16
AHEAD = 64
USAGE = "nightshift withdraw MODEL@VERSION --why TEXT"
NO_CHAMPION_LEFT = "none: no version before it is left, and nothing scores until one is named or trained"


@dataclass(frozen=True)
class Withdrawn:
    """A version that may not score any more, by which entry, who is champion since, and the nights that it scored.

    ``score_again`` has a command for each of these nights.
    """

    model: str
    version: str
    number: int
    why: str
    champion: str
    nights: list[str]
    score_again: list[str]


def parse_version(model: str, version: str | None, usage: str = USAGE) -> tuple[str, str]:
    """``MODEL@VERSION``, or the two apart. Raises ``UsageError`` without a version, or for two."""
    name, separator, named = model.partition("@")
    fix = usage.replace("MODEL", name, 1)
    if separator and version:
        raise UsageError("the version is named twice", fix=fix)
    number = version or named
    if not number:
        raise UsageError(f"{model[:60]!r} does not say which version", fix=fix)
    return name, number


def withdraw(spec: ModelSpec, version: str, stores: Stores, *, why: str) -> Withdrawn:
    """Withdraw a version, whoever is champion; done again, it says the same and writes nothing.

    Raises ``UsageError`` for what is no number or without a reason, ``ModelError`` for a version that is not there,
    ``UnreadableRecord``, ``LakeUnavailable``.
    """
    require_version(spec, version, f"withdraw {spec.name}@1 --why TEXT")
    if not why.strip():
        raise UsageError(f"{spec.name}: a version is withdrawn for a reason", fix="say it: --why TEXT")
    ledger = stores.aliases.ledger(spec.name)
    for head in ledger.attempts():
        number = head.withdrawn.get(version)
        if number:
            break
        _require_known(spec, version, head, stores)
        entry = _entry(spec, version, head, f"withdrawn: {why}", stores)
        if ledger.append(head, entry):
            number = head.number + 1
            break
    show(spec, stores)
    nights = nights_of_version(spec, version, stores)
    return Withdrawn(
        model=spec.name,
        version=version,
        number=number or 0,
        why=ledger.entry(number or 0).reason,
        champion=stores.aliases.version(spec.name, CHAMPION) or NO_CHAMPION_LEFT,
        nights=nights,
        score_again=how_to_score_again(spec, nights),
    )


def nights_of_version(spec: ModelSpec, version: str, stores: Stores) -> list[str]:
    """The published nights of which a version scored rows. What cannot be read is left out, with a warning."""
    nights = stores.lake.partitions(
        Dataset.PREDICTIONS,
        spec.name,
        spec.partition.column,
    )
    scored = []

    def scorers(night: str) -> set[str]:
        return _scorers(spec, night, stores)

    of_nights = ordered_map(scorers, nights, AT_ONCE, AHEAD)
    for night, versions in zip(nights, of_nights, strict=True):
        if version in versions:
            scored.append(night)
    return scored


def how_to_score_again(spec: ModelSpec, nights: list[str]) -> list[str]:
    """A command for each night: it is scored with who should have stood then."""
    commands = []
    for night in nights:
        command = f"nightshift predict {spec.name} {night}"
        commands.append(command)
    return commands


def _scorers(spec: ModelSpec, night: str, stores: Stores) -> set[str]:
    """The champion, and a canary beside it."""
    key = spec.key(Dataset.PREDICTIONS, night)
    manifest = stores.lake.readable(key)
    if manifest is None:
        return set()
    if not manifest.names_version:
        return set()
    return set(manifest.pins)


def _require_known(spec: ModelSpec, version: str, head: AliasHead, stores: Stores) -> None:
    """A wrong number withdraws nothing. Of one that was champion nothing is read: its record may be what is bad."""
    if version in head.took_over_from:
        return
    record = stores.versions.record(spec.name, version)
    if record is None:
        stores.registry.facts(spec.name, version)


def _entry(spec: ModelSpec, version: str, head: AliasHead, reason: str, stores: Stores) -> AliasMove:
    champion = head.version(CHAMPION)
    after = champion
    night = None
    if champion == version:
        after = _replacement(spec, version, head, stores)
        night = _night(spec, head, stores)
    return new_move(spec, CHAMPION, head, after, reason, stores, night=night, withdraws=version)


def _night(spec: ModelSpec, head: AliasHead, stores: Stores) -> str | None:
    """As long as the withdrawn one stood, the other stands. That nobody can say it any more is no reason to wait."""
    try:
        return head.stands_since(stores.aliases.nights(spec.name, head))
    except UnreadableRecord:
        return None


def _replacement(spec: ModelSpec, version: str, head: AliasHead, stores: Stores) -> str | None:
    """The first of those before it that passed its gate still."""
    for other in head.replacements(version):
        try:
            stores.versions.pin(spec.name, other)
        except (ModelError, UnreadableRecord):
            continue
        return other
    return None
