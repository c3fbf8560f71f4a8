"""Give the champion back to an earlier version, by hand, in less than a minute.

Before anything moves the version is tried: its graph is opened, has the digest of its record, and scores a row of the
newest night. The nights that the champion should not have had are the earlier version's since, so to predict one of
them again scores it with that one.
"""

from nightshift.contracts import Dataset, Pin, Promotion
from nightshift.errors import DamagedFile, DataError, ModelError, Superseded, UnreadableRecord, UsageError
from nightshift.spec import ModelSpec
from nightshift.steps._moving import new_move, require_version, show
from nightshift.steps._tryout import try_out
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasHead, AliasMove
from nightshift.stores.registry import CHAMPION


def rollback(
    spec: ModelSpec, stores: Stores, to: str | None = None, why: str = "by hand", *, nights: int = 0
) -> Promotion:
    """Give the champion back to the version before, or to ``to``; it must have passed its gate. Once a run.

    It stands from the night on from which the champion stood that it takes back, and at the latest from the first of
    the last ``nights`` that are published: these are to be scored again. Raises ``UsageError`` when there is nothing
    to go back to, or for what is no number, ``ModelError`` for a version that is ungated, withdrawn or cannot score,
    ``Superseded`` when the champion changes meanwhile.
    """
    if to is not None:
        require_version(spec, to, f"rollback {spec.name} --to 1")
    # What somebody did in MLflow's UI is undone, also where there is nothing else to do.
    stores.aliases.project(spec.name)
    move = _go_back(spec, stores, to, f"rollback: {why}", published_nights(spec, nights, stores))
    show(spec, stores)
    return Promotion(spec.name, move.after, move.before, moved=True, reason=move.reason)


def published_nights(spec: ModelSpec, count: int, stores: Stores) -> list[str]:
    """The last nights with predictions, oldest first. Raises ``UsageError`` for fewer than none."""
    if count < 0:
        raise UsageError(f"{spec.name}: {count} nights cannot be scored again", fix="give 0 or more")
    if count == 0:
        return []
    column = spec.partition.column
    nights = stores.lake.partitions(Dataset.PREDICTIONS, spec.name, column)
    return nights[-count:]


def _go_back(spec: ModelSpec, stores: Stores, to: str | None, reason: str, rescored: list[str]) -> AliasMove:
    ledger = stores.aliases.ledger(spec.name)
    champion = ledger.head().version(CHAMPION)
    for head in ledger.attempts():
        number = head.number_of_run(stores.origin)
        if number:
            # An earlier try of this very task has done it.
            return ledger.entry(number)
        if head.version(CHAMPION) != champion:
            raise Superseded(
                f"{spec.name}: the champion was version {champion}, and is version {head.version(CHAMPION)} since",
                fix=f"if that is none either: nightshift rollback {spec.name}",
            )
        target = _target(spec, head, to)
        pin = stores.versions.pin(spec.name, target)
        _require_able(spec, pin, stores)
        night = _night(spec, head, target, rescored, stores)
        move = new_move(spec, CHAMPION, head, target, reason, stores, night=night)
        if ledger.append(head, move):
            break
    return move


def _require_able(spec: ModelSpec, pin: Pin, stores: Stores) -> None:
    try:
        try_out(spec, pin, stores)
    except (DamagedFile, DataError, ModelError, UnreadableRecord) as error:
        # What the error itself advises is mostly to roll back.
        raise type(error)(
            f"{spec.name} version {pin.version} cannot score now, and nothing has moved: {error.message}",
            fix=f"name another version: nightshift rollback {spec.name} --to VERSION",
        ) from error


def _target(spec: ModelSpec, head: AliasHead, to: str | None) -> str:
    """The version named, or the one that the champion took over from, the first time that it did."""
    champion = head.version(CHAMPION)
    if to in head.withdrawn:
        raise ModelError(
            f"{spec.name} version {to} was withdrawn, by entry {head.withdrawn[to]} of its ledger, and must not score",
            fix=f"nightshift ledger {spec.name} says why; train anew, if its recipe is right after all",
        )
    target = to or head.before(champion)
    if target is None or target == champion:
        raise UsageError(
            f"{spec.name}: the champion is version {champion} and there is no earlier one to go back to",
            fix=f"name a version: nightshift rollback {spec.name} --to VERSION",
        )
    return target


def _night(spec: ModelSpec, head: AliasHead, target: str, rescored: list[str], stores: Stores) -> str | None:
    """Since when it stands: not before it first did, nor before the champion that it takes back."""
    nights = stores.aliases.nights(spec.name, head)
    bounds = {
        head.stands_since(nights) or "",
        head.first_night(target, nights) or "",
    }
    since = max(bounds)
    if not since:
        return None
    return min([since, *rescored])
