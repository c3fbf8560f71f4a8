"""A night large enough for multipart uploads, killed at their every step: begun, a part sent, completed."""

import random

from tests.faults.proxy import Fault, nth_write
from tests.faults.site import Site
from tests.faults.world import Night

NIGHT = Night("2024-01-03", 360_000, row_group_rows=90_000)
# Two shards: begin, 2 parts, complete, JSON. The night's file: begin, 3 parts, complete. The manifest, the copy.
SHARD_ROWS, WRITES = 180_000, 17
FAULTS = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.LOST_ANSWER, Fault.CUT_REQUEST)


def at_write(site: Site, write: int, fault: Fault) -> str:
    """A fault at one write of a run that makes all of them; how the run ended. What stands is whole."""
    site.forget_shards(NIGHT)
    version = "2" if site.check(NIGHT) == "1" else "1"
    outcome = site.end(site.start(NIGHT, version, SHARD_ROWS, plan=nth_write(write, fault)))
    site.count_network_faults()
    site.check(NIGHT)
    return outcome.how


def some_points(seed: int, count: int) -> Site:
    """``count`` of all points, drawn without repetition, and the site with its record; nothing is left over."""
    rng = random.Random(seed)
    points = [(write, fault) for write in range(1, WRITES + 1) for fault in FAULTS]
    with Site((NIGHT,)) as site:
        site.clean_run(NIGHT, "1", SHARD_ROWS)
        for write, fault in rng.sample(points, min(count, len(points))):
            site.guarded(lambda write=write, fault=fault: at_write(site, write, fault))
        site.guarded(lambda: site.clean_run(NIGHT, "3", SHARD_ROWS))
        site.guarded(lambda: _nothing_left(site))
    return site


def _nothing_left(site: Site) -> None:
    site.record.collected = site.collect()
    assert site.leftovers() == set(), f"left over: {site.leftovers()}"
    assert site.check(NIGHT) == "3"
