"""How a model is, in a word and a sentence, and what a person may do about it."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from nightshift.pages.alarms import ShownAlarm
from nightshift.pages.overview import NightRow, Overview
from nightshift.spec import ModelSpec

UNREADABLE, REFUSED, ALARM, NO_CHAMPION, KNOWN, OLD, EMPTY, WELL = range(8)
"""What needs a person comes first."""
TONES = {UNREADABLE: "bad", REFUSED: "bad", ALARM: "bad", NO_CHAMPION: "warn", KNOWN: "warn", OLD: "warn"}


@dataclass(frozen=True)
class NextCommand:
    """What to type, and when."""

    when: str
    command: str


@dataclass(frozen=True)
class Health:
    """``word`` is for a list, ``headline`` a sentence, ``details`` more of them, ``commands`` what to type next.

    ``place`` orders models: the lowest needs a person most.
    """

    place: int
    word: str
    headline: str
    details: tuple[str, ...] = ()
    commands: tuple[NextCommand, ...] = ()

    @property
    def tone(self) -> str:
        """Of which colour it is."""
        return TONES.get(self.place, "calm" if self.place == WELL else "none")


def health_of(view: Overview, alarms: Sequence[ShownAlarm], decision: str = "") -> Health:
    """How a model is by its newest nights; ``decision`` is what the governor said of the alarms."""
    spec = view.spec
    newest = view.nights[0] if view.nights else None
    if view.unsealed:
        return Health(UNREADABLE, "unreadable", f"Nobody can say which version may score: {view.unsealed}")
    if newest is None:
        first = f"nightshift ingest {spec.name} {spec.partition.start}"
        return Health(EMPTY, "no nights", "There are no nights yet", commands=(NextCommand("to begin", first),))
    if newest.state == "unreadable":
        return Health(
            UNREADABLE,
            "unreadable",
            f"{newest.partition} cannot be read",
            commands=(NextCommand("to see why", f"nightshift explain {spec.name} {newest.partition}"),),
        )
    refused = _refused(view)
    if refused:
        return refused
    waking = [alarm for alarm in alarms if alarm.needs_person]
    if waking:
        return _alarmed(view, waking, decision)
    if not view.champion:
        why = f"No version may score yet; the newest night is {newest.partition}"
        train = f"nightshift train {spec.name} {newest.partition}"
        return Health(NO_CHAMPION, "no champion", why, commands=(NextCommand("to train one", train),))
    return _calm(view, newest, [alarm for alarm in alarms if alarm.is_open])


def earlier_nights(before: str) -> Health:
    """Of a page of nights that others came after: it says nothing of how the model is, and gives no command."""
    return Health(EMPTY, "earlier", f"The nights before {before}; its newest page says how the model is now")


def _refused(view: Overview) -> Health | None:
    """Nights that the checks refused after the last one that was published."""
    refused = []
    for night in view.nights:
        if night.state == "published":
            break
        if night.state == "refused":
            refused.append(night.partition)
    if not refused:
        return None
    name = view.spec.name
    oldest = refused[-1]
    nights = f"{refused[0]} was" if len(refused) == 1 else f"{len(refused)} nights since {oldest} were"
    again = " && ".join(f"nightshift {verb} {name} {oldest}" for verb in ("ingest", "validate", "predict"))
    return Health(
        REFUSED,
        "refused",
        f"{nights} refused by the checks: nothing was published",
        details=("The Data Docs of the night say which check, and how many rows.",),
        commands=(NextCommand("once its source is right", again),),
    )


def _alarmed(view: Overview, waking: Sequence[ShownAlarm], decision: str) -> Health:
    if any(not night.is_read for night in view.nights):
        # When it began, and so its name, is known once all are.
        return Health(
            ALARM,
            _kinds(waking),
            "An alarm; since when is not known, some nights are not read yet: reload",
            commands=(NextCommand("or", f"nightshift episodes {view.spec.name}"),),
        )
    words = [_in_a_sentence(view, alarm) for alarm in waking]
    headline = "; ".join(words)
    details = []
    for alarm in waking:
        if alarm.retrain:
            details.append(f"Retrain of {alarm.retrain}.")
    if decision:
        details.append(f"The governor: {decision}.")
    commands = [NextCommand("if you know of it", acknowledge(view.spec, alarm)) for alarm in waking]
    return Health(
        ALARM,
        _kinds(waking),
        headline[:1].upper() + headline[1:],
        details=tuple(details),
        commands=tuple(commands),
    )


def _kinds(alarms: Sequence[ShownAlarm]) -> str:
    kinds = {"worse" if alarm.episode.detector == "accuracy" else "drift" for alarm in alarms}
    return " + ".join(sorted(kinds))


def _in_a_sentence(view: Overview, alarm: ShownAlarm) -> str:
    episode = alarm.episode
    if episode.detector == "accuracy":
        return f"accuracy is lost since {episode.first_night}, by {_nights(episode.nights)} with labels"
    last = view.facts.get(episode.last_night)
    of_features = ""
    if last and last.drifted:
        features = "1 feature" if last.drifted == 1 else f"{last.drifted} features"
        of_features = f" in {features}, most in {last.worst}"
    return f"drift since {episode.first_night}{of_features}, on {_nights(episode.nights)}"


def _calm(view: Overview, newest: NightRow, known: Sequence[ShownAlarm]) -> Health:
    details = []
    sentence = _of_night(newest)
    if view.ledger.shadow:
        details.append(f"Version {view.ledger.shadow} stands in the shadow.")
    if view.ledger.canary:
        details.append(f"Version {view.ledger.canary} is the canary: it scores a share of the rows.")
    if known:
        first = known[0]
        details.append(f"{first.what.capitalize()} since {first.episode.first_night}: {first.silenced}.")
        return Health(KNOWN, "known", f"{sentence}; somebody knows of its alarm", details=tuple(details))
    if view.old:
        return Health(OLD, "old", sentence, details=(f"An old champion: {view.old}.", *details))
    return Health(WELL, "well", sentence, details=tuple(details))


def _of_night(newest: NightRow) -> str:
    night = newest.partition
    if not newest.is_read:
        return f"{night} is not read yet: reload"
    if newest.state == "retracted":
        return f"{night} was taken back"
    if newest.state == "validated":
        return f"{night} is validated, and not published yet"
    rows = f"{newest.rows or 0:,} rows"
    aside = f", {newest.quarantined:,} in quarantine" if newest.quarantined else ""
    watched = "" if newest.verdict else "; not monitored yet"
    return f"{night} was published, {rows}{aside}{watched}"


def acknowledge(spec: ModelSpec, alarm: ShownAlarm) -> str:
    """What a person types who knows of an alarm."""
    return f"nightshift acknowledge {shlex.quote(spec.name)} {shlex.quote(alarm.name)} --why TEXT"


def _nights(count: int) -> str:
    if count == 1:
        return "1 night"
    return f"{count} nights"
