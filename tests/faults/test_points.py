"""Every point at which a run can die or lose an answer, one after the other: none is left to chance.

What a run leaves behind depends only on which of its writes the store has done. So killing it before each
write, and after each, covers every state that ``kill -9`` can leave.
"""

from collections.abc import Iterator
from itertools import product

import pytest

from tests.faults.plans import nth_write
from tests.faults.proxy import Fault, Request, nothing
from tests.faults.readers import Readers
from tests.faults.site import Site
from tests.faults.world import Night

pytestmark = pytest.mark.faults

# Two shards of two requests each, the JSON of each touched, the night's one file, the manifest, the copy.
NIGHT, SHARD_ROWS, WRITES = Night("2024-01-01", 600), 1, 9
COMMIT = 8


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site((NIGHT,)) as found:
        found.clean_run(NIGHT, "1", SHARD_ROWS)
        readers = Readers(found.direct, found.nights)
        yield found
        found.judge_readers(tallies := readers.stop())
        assert found.record.violations == []
        assert all(tally.reads for tally in tallies)


def another(site: Site) -> tuple[str | None, str]:
    """The version that stands, and one to replace it, of which no shard is there."""
    site.forget_shards(NIGHT)
    before = site.check(NIGHT)
    return before, "2" if before == "1" else "1"


def test_a_run_makes_as_many_writes_as_are_tried_here(site: Site) -> None:
    seen: list[Request] = []
    site.forget_shards(NIGHT)
    site.end(site.start(NIGHT, "7", SHARD_ROWS, plan=seen.append))
    assert [request.method for request in seen if request.writes] == ["PUT"] * WRITES


@pytest.mark.parametrize("write", range(1, WRITES + 1))
@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER])
def test_a_run_killed_at_a_write_leaves_a_whole_night_and_the_next_run_heals(
    site: Site, fault: Fault, write: int
) -> None:
    before, other = another(site)
    assert site.end(site.start(NIGHT, other, SHARD_ROWS, plan=nth_write(write, fault))).how == "killed"
    committed = write > COMMIT or (write == COMMIT and fault is Fault.KILL_AFTER)
    assert site.check(NIGHT) == (other if committed else before)
    site.clean_run(NIGHT, other, SHARD_ROWS)


@pytest.mark.parametrize(
    ("fault", "write"),
    [
        *product([Fault.LOST_ANSWER, Fault.CUT_REQUEST], range(1, WRITES + 1)),
        *product([Fault.SLOW_DOWN, Fault.ERROR_500], [COMMIT, COMMIT + 1]),
    ],
)
def test_a_write_that_fails_or_whose_answer_is_lost_costs_a_retry_at_most(site: Site, fault: Fault, write: int) -> None:
    before, other = another(site)
    outcome = site.end(site.start(NIGHT, other, SHARD_ROWS, plan=nth_write(write, fault)))
    site.proxy.plan = nothing
    # The commit itself is never sent twice: refused is refused, and only a lost yes is found out.
    refused = write == COMMIT and fault is not Fault.LOST_ANSWER
    assert (outcome.how, site.check(NIGHT)) == (("LakeUnavailable", before) if refused else ("published", other))


def test_afterwards_nothing_is_left_over(site: Site) -> None:
    assert site.leftovers()
    done = site.collect()
    assert done.collected > 0
    assert site.leftovers() == set()
    site.check(NIGHT)
