"""Trouble of all kinds for a while, from one seed; then silence, one clean run per night, and nothing left over."""

import random
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from tests.faults import large
from tests.faults.episodes import EPISODES, Dice
from tests.faults.hammer import hammer
from tests.faults.site import Record, Site
from tests.faults.world import Night

NIGHTS = (Night("2024-01-01", 1_200), Night("2024-01-02", 400))
PATIENCE = 20
"""Times as long as asked, until there was a fault at all: on a busy machine a run takes longer than the time is."""
LARGE_POINTS_A_SECOND, SWAPPING_SECONDS = 1 / 30, 20


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
    """Run episodes until the time is up and something happened.

    Everything random comes from ``seed``, except what the machine adds.
    """
    began, dice = time.monotonic(), Dice(random.Random(seed))
    with Site(nights) as site:
        readers = site.readers()
        _measure(site, dice)
        while time.monotonic() - began < seconds:
            _episodes(site, dice, most=3)
        while not site.record.faults and time.monotonic() - began < PATIENCE * seconds:
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


# The kinds of ``make soak``, by how the faults of a campaign begin.
KINDS = {
    "kill -9 of the run": "killed",
    "client killed": "killed",
    "two publishers": "raced",
    "SIGSTOP": "paused",
    "disk full": "disk full",
    "kill -9 of the store": "store killed",
    "garbage": "collected",
}


def everything(seed: int, seconds: float) -> dict[str, Any]:
    """A campaign, points of a large night, and readers under swaps, as one run of ``make soak``."""
    done = campaign(seed, seconds)
    points = told(large.some_points(seed, round(seconds * LARGE_POINTS_A_SECOND)).record)
    swaps = hammer(Night("2024-01-01", 4_000), SWAPPING_SECONDS).as_json()
    readers = [*done["readers"], *swaps["readers"]]
    reads = Counter[str]()
    for reader in readers:
        reads[reader["reader"]] += reader["reads"]
    return {
        "faults": dict(_by_kind(done["faults"], "") + _by_kind(points["faults"], ", of a night of many megabytes")),
        "reads": dict(reads),
        "violations": [
            *(what for part in (done, points) for what in part["violations"]),
            *done["left_over"],
            *(what for reader in swaps["readers"] for what in reader["violations"]),
        ],
    }


def _by_kind(faults: dict[str, int], of: str) -> Counter[str]:
    counted = Counter[str]()
    for name, count in faults.items():
        kind = next((kind for begins, kind in KINDS.items() if name.startswith(begins)), "network")
        counted[f"{kind}: {name}{of}"] += count
    return counted


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
