"""The kinds of trouble, each one episode of a campaign: it happens, then what stands is checked."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from nightshift.contracts import Dataset, PartitionKey
from tests.faults.plans import sometimes
from tests.faults.proxy import Plan
from tests.faults.site import Site
from tests.faults.worker import Attempt, Outcome
from tests.faults.world import VERSIONS, Night

# A shard per row group, per two, and one for the night.
SHARD_ROWS = (1, 1_000, 10**6)
NETWORK_SHARES = (0.02, 0.05, 0.1, 0.2)
# Longer than any attempt of a campaign lasts, as the real age is longer than any run.
TOO_YOUNG = timedelta(minutes=4)


@dataclass
class Dice:
    """All chance of a campaign, from one seed."""

    rng: random.Random
    typical: float = 1.0

    def night(self, site: Site) -> Night:
        return self.rng.choice(site.nights)

    def version(self, other: str | None = None) -> str:
        return self.rng.choice([version for version in VERSIONS if version != other])

    def shard_rows(self) -> int:
        return self.rng.choice(SHARD_ROWS)

    def instant(self) -> float:
        """Seconds into an attempt."""
        return self.rng.uniform(0, 1.1 * self.typical)

    def network(self) -> Plan:
        return sometimes(random.Random(self.rng.random()), self.rng.choice(NETWORK_SHARES))


Episode = Callable[[Site, Dice], None]


def killed(site: Site, dice: Dice) -> None:
    """``kill -9`` at random instants, again and again: retries of one run, or runs that have nothing in common."""
    night, version, shard_rows = dice.night(site), dice.version(), dice.shard_rows()
    for _ in range(dice.rng.randint(1, 6)):
        if dice.rng.random() < 0.5:
            night, version, shard_rows = dice.night(site), dice.version(), dice.shard_rows()
        _kill_at(site, dice, site.start(night, version, shard_rows))
        site.guarded(lambda night=night: site.check(night))


def killed_in_a_storm(site: Site, dice: Dice) -> None:
    """``kill -9`` while the network fails too."""
    attempt = site.start(dice.night(site), dice.version(), dice.shard_rows(), plan=dice.network())
    _kill_at(site, dice, attempt)
    site.count_network_faults()


def storm(site: Site, dice: Dice) -> None:
    """500, 503, delays, cut connections and lost answers."""
    site.end(site.start(dice.night(site), dice.version(), dice.shard_rows(), plan=dice.network()))
    site.count_network_faults()


def race(site: Site, dice: Dice) -> None:
    """Two publishers for one night, with other versions, or the same, or other shard sizes."""
    night, plan = dice.night(site), dice.network() if dice.rng.random() < 0.5 else None
    racers = [site.start(night, dice.version(), dice.shard_rows(), plan=plan) for _ in range(2)]
    site.record.faults["two publishers racing"] += 1
    if dice.rng.random() < 0.3:
        _kill_at(site, dice, racers.pop(dice.rng.randrange(2)))
    outcomes = [site.end(attempt) for attempt in racers]
    site.count_network_faults()
    _one_stands(site, night, outcomes)


def zombie(site: Site, dice: Dice) -> None:
    """A run stands still, another publishes, then the first goes on."""
    night = dice.night(site)
    sleeper = site.start(night, dice.version(), dice.shard_rows())
    time.sleep(dice.instant())
    if sleeper.pause():
        site.record.faults["SIGSTOP, and SIGCONT after another run"] += 1
    other = site.end(site.start(night, dice.version(), dice.shard_rows()))
    sleeper.resume()
    _one_stands(site, night, [other, site.end(sleeper)])


def store_killed(site: Site, dice: Dice) -> None:
    """The store is killed within a run, and comes back."""
    attempt = site.start(dice.night(site), dice.version(), dice.shard_rows())
    time.sleep(dice.instant())
    site.store.kill()
    site.record.faults["kill -9 of the store"] += 1
    site.store.start()
    site.end(attempt)
    for night in site.nights:
        site.guarded(lambda night=night: site.check(night))


def disk_full(site: Site, dice: Dice) -> None:
    """The worker's disk takes a kilobyte or nothing, and the night is one whose keys are checked on disk."""
    limit = dice.rng.choice((0, 1_000))
    site.record.faults["disk full"] += 1
    site.end(site.start(dice.night(site), dice.version(), dice.shard_rows(), file_limit=limit, rows_in_memory=100))


def collected(site: Site, dice: Dice) -> None:
    """Garbage is collected while a run works."""
    attempt = site.start(dice.night(site), dice.version(), dice.shard_rows())
    site.record.faults["garbage collected within a run"] += 1
    site.collect(TOO_YOUNG)
    outcome = site.end(attempt)
    if outcome.how != "published":
        site.violation(f"a run beside maintain ended {outcome}")


EPISODES: dict[Episode, int] = {
    killed: 12,
    killed_in_a_storm: 6,
    storm: 3,
    race: 3,
    zombie: 2,
    store_killed: 1,
    disk_full: 1,
    collected: 1,
}


def _kill_at(site: Site, dice: Dice, attempt: Attempt) -> None:
    time.sleep(dice.instant())
    if attempt.running:
        attempt.kill()
    if site.end(attempt).how == "killed":
        site.record.faults["kill -9 of the run"] += 1


def _one_stands(site: Site, night: Night, outcomes: list[Outcome]) -> None:
    """Who was told that it published did: its generation stands, or one that replaced it knowingly."""
    manifest = site.lake.manifest(PartitionKey(Dataset.PREDICTIONS, "orders", "day", night.partition))
    told = {outcome.said for outcome in outcomes if outcome.how == "published"}
    if told and (manifest is None or manifest.generation not in told):
        site.violation(f"{night.partition}: {told} were acknowledged, {manifest and manifest.generation} stands")
