"""What the ledger of aliases says: moves, and the head that they make together. No store is asked for anything.

A version stands from a night on: the one that its move was decided for, never the day on which somebody wrote it. A
later move stands over an earlier one for all nights from its own on. A withdrawn version stands nowhere; in its place
is the one that it first took over from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.stores.ledger_entry import LedgerHead
from nightshift.stores.records import Record, is_none
from nightshift.stores.registry import CANARY, CHALLENGER, CHAMPION, SHADOW

BESIDE = (SHADOW, CANARY)
"""Where a challenger scores nights beside one champion: with another it begins anew."""


class AliasMove(Record):
    """``alias`` of ``model`` goes from one version to another; None is no version.

    ``night`` is the one that it was decided for, None where a former version wrote it. ``withdraws`` is a version that
    may not score any more; then the champion is moved, where it was that one, or stays. ``share`` is that of the rows
    which a canary scores, and is not written of any other move: older versions read these.
    """

    what = "a move of an alias"

    format: Literal[1] = 1
    model: str
    alias: str
    before: str | None
    after: str | None
    reason: str
    origin: dict[str, str]
    night: str | None = None
    withdraws: str | None = None
    share: float | None = Field(None, exclude_if=is_none)

    @property
    def is_standing(self) -> bool:
        """Whether another version stands since, and not only the number of the last move is another."""
        return self.alias == CHAMPION and (self.withdraws is None or self.before != self.after)


class LastMove(BaseModel):
    """The version that an alias has, and the number of the move that gave it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    version: str | None


class Standing(BaseModel):
    """That a version is champion, from a night on; of a move of before, that one is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    version: str | None
    night: str | None = None


class AliasHead(LedgerHead):
    """The last move of each alias; and of the champion's moves, whom each version first took over from, and by whom.

    ``by_run`` has the number of the last move that a run of Airflow made, ``standings`` every move of the champion,
    ``withdrawn`` the entry that withdrew a version, ``taken_back`` the versions that a rollback went back from.
    ``looks`` counts the challengers that did not take over since the champion's last move, ``shadows`` those that were
    put into its shadow since. Heads of format 1, which had none of these, are made anew from the entries.
    """

    format: Literal[2] = 2
    last: dict[str, LastMove] = Field(default_factory=dict)
    took_over_from: dict[str, str | None] = Field(default_factory=dict)
    by_run: dict[str, int] = Field(default_factory=dict)
    standings: tuple[Standing, ...] = ()
    withdrawn: dict[str, int] = Field(default_factory=dict)
    taken_back: tuple[str, ...] = ()
    looks: int = 0
    shadows: int = 0

    def version(self, alias: str) -> str | None:
        """The version that an alias has, or None; a withdrawn one has no alias."""
        last = self.last.get(alias)
        version = last.version if last else None
        if version in self.withdrawn:
            return None
        return version

    @property
    def scoring_number(self) -> int:
        """The number of the last entry that says who scores: of the champion's last move, or of a canary's since."""
        moves = [self.last[alias].number for alias in (CHAMPION, CANARY) if alias in self.last]
        return max(moves, default=0)

    def number_of_run(self, origin: Mapping[str, str]) -> int | None:
        """The number of the champion's move that this very run made before, or None; a command line has no run."""
        return self.by_run.get(run_of(origin))

    def before(self, version: str | None) -> str | None:
        """The version that one first took over from, without those that are withdrawn."""
        return next(self._chain(version), None)

    def replacements(self, version: str) -> list[str]:
        """Who may stand where a version is withdrawn, the best first: those before it, then whoever stood last.

        What a rollback went back from is none of the latter: it was taken back for a reason.
        """
        others = list(self._chain(version))
        barred = {version, None, *self.withdrawn, *self.taken_back}
        for standing in reversed(self.standings):
            version_then = standing.version
            if version_then and version_then not in barred:
                others.append(version_then)
        return list(dict.fromkeys(others))

    def standing(self, night: str, nights: Mapping[int, str]) -> str | None:
        """The version that should have stood on a night, or None; ``nights`` has that of each standing, by its number.

        Of a night before all of them it is the first that ever stood.
        """
        spans = self._spans(nights)
        first = spans[:1]
        earlier = [span for span in spans if span[0] <= night]
        for _, version in reversed(earlier or first):
            right = self.before(version) if version in self.withdrawn else version
            if right:
                return right
        return None

    def stands_since(self, nights: Mapping[int, str]) -> str | None:
        """The night from which on the champion stands, without another between; None where nobody can say any more."""
        champion = self.version(CHAMPION)
        since = None
        for night, version in reversed(self._spans(nights)):
            if version != champion:
                break
            since = night
        return since

    def first_night(self, version: str, nights: Mapping[int, str]) -> str | None:
        """The night from which on a version stood for the first time."""
        known = [nights.get(standing.number) for standing in self.standings if standing.version == version]
        return next(iter(known), None)

    def _spans(self, nights: Mapping[int, str]) -> list[tuple[str, str | None]]:
        """Since when each version stood, by night: a later move ends all that would begin with its night or later."""
        spans: list[tuple[str, str | None]] = []
        for standing in self.standings:
            since = nights.get(standing.number)
            if since is None:
                continue
            while spans and spans[-1][0] >= since:
                spans.pop()
            spans.append((since, standing.version))
        return spans

    def _chain(self, version: str | None) -> Iterator[str]:
        seen = {version}
        while version is not None:
            version = self.took_over_from.get(version)
            if version is None or version in seen:
                return
            seen.add(version)
            if version not in self.withdrawn:
                yield version


def with_move(head: AliasHead, number: int, move: AliasMove) -> AliasHead:
    """What one more move makes of a head."""
    changes: dict[str, object] = {}
    if move.after is not None or move.alias in head.last:
        last = LastMove(number=number, version=move.after)
        changes["last"] = {**head.last, **_left(head, number, move), move.alias: last}
    if move.withdraws:
        changes["withdrawn"] = {move.withdraws: number, **head.withdrawn}
    if move.is_standing:
        before = head.model_copy(update=changes)
        changes.update(_of_champion(before, number, move))
    elif move.alias == CHALLENGER and move.before != move.after:
        # What a person said of the challenger that there is, is no other look.
        changes["looks"] = head.looks + 1
    elif move.alias == SHADOW and move.after is not None:
        changes["shadows"] = head.shadows + 1
    return head.model_copy(update=changes)


def _left(head: AliasHead, number: int, move: AliasMove) -> dict[str, LastMove]:
    """A version stands in one place beside the champion: who goes to the other leaves this one by the same entry."""
    left = {}
    for alias in BESIDE:
        is_it = move.after is not None and head.version(alias) == move.after
        if move.alias in BESIDE and alias != move.alias and is_it:
            left[alias] = LastMove(number=number, version=None)
    return left


def _of_champion(head: AliasHead, number: int, move: AliasMove) -> dict[str, object]:
    standing = Standing(
        number=number,
        version=move.after,
        night=move.night,
    )
    changes: dict[str, object] = {
        "standings": (*head.standings, standing),
        "taken_back": _taken_back(head, move),
        "looks": 0,
        "shadows": 0,
    }
    # What they showed so far, they showed against another champion.
    gone = {alias: LastMove(number=number, version=None) for alias in BESIDE if alias in head.last}
    changes["last"] = {**head.last, **gone}
    if move.after is not None:
        # The first time alone: after a rollback a version has taken over from a later one.
        changes["took_over_from"] = {move.after: move.before, **head.took_over_from}
    run = run_of(move.origin)
    if run:
        changes["by_run"] = {**head.by_run, run: number}
    return changes


def _taken_back(head: AliasHead, move: AliasMove) -> tuple[str, ...]:
    """Whom a rollback went back from; a version that was never champion before is none that one goes back to."""
    taken_back = set(head.taken_back)
    if move.before and move.after in head.took_over_from and not move.withdraws:
        taken_back.add(move.before)
    taken_back.discard(move.after or "")
    return tuple(sorted(taken_back))


def run_of(origin: Mapping[str, str]) -> str:
    """The run of Airflow that somebody is, or nothing: two Dags may have a run of one name."""
    run = origin.get("airflow_run")
    return f"{origin.get('airflow_dag', '')}/{run}" if run else ""
