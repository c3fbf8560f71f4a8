"""Trouble of all kinds for a while, from one seed; then silence, one clean run per night, and nothing left over."""

import random
import time
from dataclasses import asdict
from typing import Any

from tests.faults.episodes import EPISODES, Dice
from tests.faults.site import Record, Site
from tests.faults.world import Night

NIGHTS = (Night("2024-01-01", 1_200), Night("2024-01-02", 400))


def told(record: Record) -> dict[str, Any]:
    """A record as JSON has it."""
    return {
        "faults": dict(record.faults.most_common()),
        "runs": dict(record.outcomes.most_common()),
        "clean_runs": record.clean_runs,
        "violations": record.violations,
        "collected": asdict(record.collected) if record.collected else None,
    }


def campaign(seed: int, seconds: float, nights: tuple[Night, ...] = NIGHTS) -> dict[str, Any]:
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
        site.record.collected = site.collect()
        left = sorted(site.leftovers())
        for night in site.nights:
            site.guarded(lambda night=night: site.check(night))
    seconds = round(time.monotonic() - began)
    return {
        "seconds": seconds,
        **told(site.record),
        "readers": [tally.as_json() for tally in tallies],
        "left_over": left,
    }


def _measure(site: Site, dice: Dice) -> None:
    night = max(site.nights, key=lambda night: night.rows)
    for version in "12":
        began = time.monotonic()
        site.clean_run(night, version, 1_000)
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
