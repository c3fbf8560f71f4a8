"""A night large enough for multipart uploads, killed at their every step: begun, a part sent, completed."""

import random

from tests.faults.plans import nth_write
from tests.faults.proxy import Fault, Request
from tests.faults.site import Site
from tests.faults.world import Night

NIGHT, SHARD_ROWS = Night("2024-01-03", 360_000, row_group_rows=90_000), 180_000
FAULTS = (Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.LOST_ANSWER, Fault.CUT_REQUEST)


def writes(site: Site) -> list[str]:
    """What a run that makes all its writes sends: ``begin``, ``part`` and ``end`` of uploads, ``put`` of the rest."""
    seen: list[str] = []

    def note(request: Request) -> None:
        if request.writes:
            multipart = "uploadId=" in request.path
            kinds = {"POST": "end" if multipart else "begin", "PUT": "part" if multipart else "put"}
            seen.append(kinds[request.method])

    site.forget_shards(NIGHT)
    assert site.end(site.start(NIGHT, "1", SHARD_ROWS, plan=note)).how == "published"
    return seen


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
    with Site((NIGHT,)) as site:
        points = [(write, fault) for write in range(1, len(writes(site)) + 1) for fault in FAULTS]
        for write, fault in rng.sample(points, min(count, len(points))):
            site.guarded(lambda write=write, fault=fault: at_write(site, write, fault))
        site.guarded(lambda: site.clean_run(NIGHT, "3", SHARD_ROWS))
        site.guarded(lambda: _nothing_left(site))
    return site


def _nothing_left(site: Site) -> None:
    site.record.collected = site.collect()
    assert site.leftovers() == set(), f"left over: {site.leftovers()}"
    assert site.check(NIGHT) == "3"
