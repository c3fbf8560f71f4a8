"""An incident: one cause, from the first that it hit until all of them are well; what was told of it, and to whom.

It only ever changes as a whole: each function here gives another one. A night that came later and went well shows that
a task works again; a night that failed and is made since is no longer one that failed.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from pydantic import Field

from nightshift.alerts import clock
from nightshift.alerts.alert import Alert, AlertEvent, Cause, Kind, Severity
from nightshift.alerts.pages import page_on
from nightshift.stores.seals import SealedRecord

MOST_TRIES = 6
MOST_HITS = 2_000
TRYING = "trying"
SENT = "sent"


@dataclass(frozen=True)
class Hit:
    """A model's task that the cause stops, ``<verb>.<task>``, and on which nights; of no night, none."""

    model: str
    owner: str
    task: str
    nights: tuple[str, ...] = ()
    is_well: bool = False

    def after(self, night: str) -> "Hit":
        """After the task went well on a night."""
        left = tuple(failed for failed in self.nights if failed != night)
        is_well = not left or night >= max(self.nights)
        return replace(self, nights=left or self.nights, is_well=is_well)


@dataclass(frozen=True)
class Delivery:
    """What became of an event on a channel: ``state`` is *trying*, *sent*, or why it failed; ``token`` is the try's."""

    state: str
    since: str
    tries: int
    token: str = ""

    @property
    def is_due(self) -> bool:
        """Whether it is to be tried again."""
        if self.state == SENT or self.tries >= MOST_TRIES:
            return False
        return clock.is_over(self.since)


class Incident(SealedRecord):
    """``reach`` are the models that may be hit too; ``recovered`` says by what it was over, empty while it is not.

    ``deliveries`` are by event and channel.
    """

    what: ClassVar[str] = "a record of an alert"

    format: Literal[1] = 1
    number: int
    cause: Cause
    severity: Severity
    hits: tuple[Hit, ...]
    lake: str
    reach: tuple[str, ...] = ()
    links: dict[str, str] = Field(default_factory=dict)
    recovered: str = ""
    deliveries: dict[str, Delivery] = Field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The kind of its cause."""
        return self.cause.kind

    @property
    def id(self) -> str:
        """The same for all messages about it."""
        number = str(self.number)
        words = (self.cause.key, self.first_night, number)
        return "-".join(word for word in words if word)

    @property
    def first_night(self) -> str:
        """The first night that was hit; empty where the cause is about none."""
        nights = (night for hit in self.hits for night in hit.nights)
        return min(nights, default="")

    @property
    def is_over(self) -> bool:
        """Whether all that it hit are well."""
        return all(hit.is_well for hit in self.hits)

    @property
    def is_open(self) -> bool:
        """Whether another that is hit joins it."""
        return not self.recovered

    def named(self, model: str, night: str) -> bool:
        """Whether people were told of a night of a model already."""
        return any(hit.model == model and night in hit.nights and not hit.is_well for hit in self.hits)

    def joined(self, hit: Hit) -> Self:
        """With one more that was hit, or another night of one."""
        hits = list(self.hits)
        for place, known in enumerate(hits):
            if (known.model, known.task) == (hit.model, hit.task):
                nights = () if known.is_well else known.nights
                hits[place] = replace(hit, nights=tuple(sorted({*nights, *hit.nights})))
                return self.model_copy(update={"hits": tuple(hits)})
        if len(hits) >= MOST_HITS:
            return self
        return self.model_copy(update={"hits": (*hits, hit)})

    def healed(self, model: str, tasks: Collection[str], night: str) -> Self:
        """After tasks of a model went well on a night; over, once that goes for all."""
        hits = []
        for hit in self.hits:
            is_it = hit.model == model and hit.task in tasks and not hit.is_well
            hits.append(hit.after(night) if is_it else hit)
        return self.model_copy(update={"hits": tuple(hits)})

    def over(self, why: str) -> Self:
        """Recovered, by what ``why`` says."""
        hits = tuple(replace(hit, is_well=True) for hit in self.hits)
        return self.model_copy(update={"hits": hits, "recovered": why})

    def channels_that_took(self, event: AlertEvent) -> list[str]:
        """The channels on which an event was sent."""
        prefix = f"{event} "
        told = [place for place, delivery in self.deliveries.items() if delivery.state == SENT]
        return [place.removeprefix(prefix) for place in told if place.startswith(prefix)]

    def due(self, event: AlertEvent, channels: Iterable[str]) -> list[str]:
        """Those of the channels on which an event is to be sent now."""
        known = self.deliveries
        return [name for name in channels if f"{event} {name}" not in known or known[f"{event} {name}"].is_due]

    def claimed(self, event: AlertEvent, channels: Iterable[str], token: str) -> Self:
        """With a try on each channel, which nobody else makes at the same time."""
        deliveries = dict(self.deliveries)
        for name in self.due(event, channels):
            place = f"{event} {name}"
            tries = deliveries[place].tries if place in deliveries else 0
            deliveries[place] = Delivery(TRYING, clock.now().isoformat(), tries + 1, token)
        return self.model_copy(update={"deliveries": deliveries})

    def claimed_by(self, event: AlertEvent, token: str) -> list[str]:
        """The channels on which a try is this one."""
        prefix = f"{event} "
        mine = [place for place, delivery in self.deliveries.items() if delivery.token == token]
        return [place.removeprefix(prefix) for place in mine if place.startswith(prefix)]

    def told(self, event: AlertEvent, outcomes: dict[str, str]) -> Self:
        """With what became of tries by channel: empty where it was sent, or why not."""
        deliveries = dict(self.deliveries)
        for name, failure in outcomes.items():
            place = f"{event} {name}"
            deliveries[place] = replace(deliveries[place], state=failure or SENT, token="")
        return self.model_copy(update={"deliveries": deliveries})

    def has_more_to_say(self, event: AlertEvent, channels: Iterable[str]) -> bool:
        """Whether a channel may still get an event."""
        for name in channels:
            delivery = self.deliveries.get(f"{event} {name}")
            if delivery is None:
                return True
            if delivery.state != SENT and delivery.tries < MOST_TRIES:
                return True
        return False

    def alert(self, event: AlertEvent, runbook: str = "") -> Alert:
        """What is told of it."""
        nights: dict[str, tuple[str, ...]] = {}
        for hit in self.hits:
            nights[hit.model] = tuple(sorted({*nights.get(hit.model, ()), *hit.nights}))
        owners = sorted({hit.owner for hit in self.hits})
        evidence = self.recovered if event == "recovered" else self.cause.evidence
        return Alert(
            id=self.id,
            event=event,
            kind=self.kind,
            severity=self.severity if event == "opened" else "notice",
            title=self.cause.title,
            night=self.first_night,
            models=tuple(nights),
            owners=tuple(owners),
            nights=nights,
            evidence=evidence,
            next_command=self._next(event),
            runbook=page_on(self.kind, runbook),
            lake=self.lake,
            reach=self.reach,
            links=self.links,
        )

    def _next(self, event: AlertEvent) -> str:
        if event != "recovered":
            return self.cause.next_command
        if self.kind in {"drift", "accuracy", "late", "skew"}:
            return ""
        return "the nights above are not made by themselves: clear their tasks, where they are still wanted"
