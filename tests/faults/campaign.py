"""Trouble of all kinds for a while, from one seed; then silence, one clean run per night, and nothing left over."""

import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from tests.faults.episodes import EPISODES, Dice
from tests.faults.readers import Tally
from tests.faults.site import Record, Site
from tests.faults.world import Night

NIGHTS = (Night("2024-01-01", 1_200), Night("2024-01-02", 400))


@dataclass(frozen=True)
class Report:
    """What a campaign did and saw."""

    seed: int
    seconds: float
    record: Record
    readers: list[Tally]
    left_over: list[str]
    collected: dict[str, Any]

    @property
    def injected(self) -> int:
        """Faults of all kinds."""
        return sum(self.record.faults.values())

    def as_json(self) -> dict[str, Any]:
        """For benchmarks/soak.json."""
        return {
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "faults": dict(self.record.faults.most_common()),
            "faults_in_all": self.injected,
            "runs": dict(self.record.outcomes.most_common()),
            "clean_runs": self.record.clean_runs,
            "readers": [{**vars(tally), "errors": dict(tally.errors)} for tally in self.readers],
            "violations": self.record.violations,
            "collected": self.collected,
            "left_over": self.left_over,
        }


def campaign(seed: int, seconds: float, nights: tuple[Night, ...] = NIGHTS) -> Report:
    """Run episodes until the time is up. Everything random comes from ``seed``, except what the machine adds."""
    began, dice = time.monotonic(), Dice(random.Random(seed))
    with Site(nights) as site:
        readers = site.readers()
        _measure(site, dice)
        while time.monotonic() - began < seconds:
            _episodes(site, dice, most=3)
        for night in site.nights:
            site.guarded(lambda night=night: site.clean_run(night, dice.version(site.check(night)), 1))
        tallies = readers.stop()
        site.judge_readers(tallies)
        done = site.collect()
        left = sorted(site.leftovers())
        for night in site.nights:
            site.guarded(lambda night=night: site.check(night))
    return Report(seed, time.monotonic() - began, site.record, tallies, left, asdict(done))


def _measure(site: Site, dice: Dice) -> None:
    night = max(site.nights, key=lambda night: night.rows)
    for version in "12":
        began = time.monotonic()
        site.clean_run(night, version, 2 * 500)
        dice.typical = time.monotonic() - began


def _episodes(site: Site, dice: Dice, most: int) -> None:
    """One to ``most`` troubles in a row, each looked at, then a run that must heal whatever they left."""
    for _ in range(dice.rng.randint(1, most)):
        (episode,) = dice.rng.choices(list(EPISODES), list(EPISODES.values()))
        episode(site, dice)
        for night in site.nights:
            site.guarded(lambda night=night: site.check(night))
    night = dice.night(site)
    site.guarded(lambda: site.clean_run(night, dice.version(), dice.shard_rows()))
