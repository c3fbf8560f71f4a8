"""A person knows of an alarm: while its episode lasts it wakes nobody any more, and starts no retrain."""

from nightshift.errors import UsageError
from nightshift.monitoring.episodes import Episode
from nightshift.monitoring.silences import Silence, silences
from nightshift.spec import ModelSpec
from nightshift.steps._person import person_of
from nightshift.steps.episodes import all_episodes
from nightshift.stores import Stores


def acknowledge(spec: ModelSpec, episode: str, stores: Stores, *, why: str) -> Silence:
    """Acknowledge an episode by its id; done again, it says the same and writes nothing.

    Raises ``UsageError`` without a reason, or for an episode that there is none, ``LakeUnavailable``.
    """
    if not why.strip():
        raise UsageError(f"{spec.name}: an alarm is acknowledged for a reason", fix="say it: --why TEXT")
    acknowledged = _episode(spec, episode, stores)
    silence = Silence(
        model=spec.name,
        by=person_of(stores),
        why=why,
        origin=dict(stores.origin),
        episode=acknowledged,
    )
    ledger = silences(spec.name, stores)
    for head in ledger.attempts():
        before = head.acknowledgement(acknowledged)
        if before:
            return before
        if ledger.append(head, silence):
            break
    return silence


def _episode(spec: ModelSpec, wanted: str, stores: Stores) -> Episode:
    for episode in all_episodes(spec, stores):
        if episode.id_of(spec.name) == wanted:
            return episode
    raise UsageError(
        f"{spec.name} has no episode {wanted[:80]!r}: its nights may have been monitored again since",
        fix=f"nightshift episodes {spec.name}",
    )
