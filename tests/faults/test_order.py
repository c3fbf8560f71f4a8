"""Tasks that stand still, come late or run twice at the one point at which it would matter: the newest input stands."""

import pytest

from nightshift.contracts import Dataset
from nightshift.errors import LakeUnavailable
from nightshift.stores.lake import Lake
from tests.faults.chain import PARTITIONS, Made
from tests.faults.lane import QUICK, Lane
from tests.faults.plans import commits, copies, looks_at_plain, nth
from tests.faults.proxy import Fault, Request
from tests.faults.troubles import mixed, stopped

pytestmark = pytest.mark.faults

NIGHT, OF_SEVERAL_SHARDS, LONG = PARTITIONS[0], PARTITIONS[1], 600


def reads(dataset: Dataset) -> object:
    """Whether a request asks for the manifest of a night."""
    return lambda request: request.method == "GET" and f"/manifests/{dataset}/" in request.path


def newest(lane: Lane) -> dict[Dataset, Made]:
    """What should stand, in all that is made from the source as it is."""
    rows = Made(lane.outside.edition(NIGHT))
    return {Dataset.RAW: rows, Dataset.VALIDATED: rows, Dataset.PREDICTIONS: Made(rows.edition, lane.move)}


def make_newer(lane: Lane) -> None:
    """The source is corrected, another version is champion, and the whole night is made anew."""
    lane.promote()
    lane.correct(NIGHT)
    lane.heal(NIGHT)


def stands(lane: Lane) -> dict[Dataset, Made]:
    """What stands, in the same datasets."""
    seen = lane.checks.look(NIGHT, calm=True)
    return {dataset: seen[dataset] for dataset in newest(lane)}


@pytest.mark.parametrize(("name", "dataset"), [("predict", Dataset.VALIDATED), ("validate", Dataset.RAW)])
def test_who_read_its_input_before_it_was_corrected_replaces_nothing_newer(
    lane: Lane, name: str, dataset: Dataset
) -> None:
    lane.hurt.start(lane.due(name, NIGHT), nth(1, Fault.PAUSE, reads(dataset)))  # type: ignore[arg-type]
    assert stopped(lane.hurt)
    make_newer(lane)
    lane.hurt.resume()
    assert lane.end(lane.hurt).how == "Superseded"
    assert stands(lane) == newest(lane)


def test_who_read_its_source_before_it_was_corrected_reads_it_again(lane: Lane) -> None:
    lane.outside.slow_down(LONG)
    lane.hurt.start(lane.due("ingest", NIGHT))
    lane.hurt.link.poll(LONG / 2000)
    lane.outside.slow_down(QUICK)
    make_newer(lane)
    assert lane.end(lane.hurt).how == "done"
    assert stands(lane) == newest(lane)


def test_the_night_of_the_newer_input_stands_whoever_commits_first(lane: Lane) -> None:
    lane.other.do(lane.due("ingest", NIGHT))
    lane.hurt.start(lane.task("validate", NIGHT), nth(1, Fault.PAUSE, commits))
    assert stopped(lane.hurt)
    lane.other.do(lane.due("ingest", NIGHT))
    newer = lane.task("validate", NIGHT)
    lane.other.start(newer, nth(1, Fault.PAUSE, reads(Dataset.RAW)))  # type: ignore[arg-type]
    assert stopped(lane.other)
    lane.hurt.resume()
    lane.end(lane.hurt)
    lane.other.resume()
    lane.checks.ended(lane.other.wait())
    assert stands(lane)[Dataset.VALIDATED] == newest(lane)[Dataset.VALIDATED]


def test_results_of_a_dead_try_are_never_joined_with_those_of_the_next(lane: Lane) -> None:
    # Other champions of one input: as many rows, and shards, in both.
    mixed(lane, OF_SEVERAL_SHARDS, lambda lane, _: lane.promote())
    assert lane.checks.outcomes["publish: LostRows"] == 2
    assert lane.checks.outcomes["publish: UsageError"] == 1


@pytest.mark.parametrize("which", [copies, commits])
def test_a_write_that_arrives_after_another_run_published_changes_nothing(lane: Lane, which: object) -> None:
    lane.hurt.start(lane.due("predict", NIGHT), nth(1, Fault.LATE, which))  # type: ignore[arg-type]
    lane.end(lane.hurt)
    make_newer(lane)
    assert lane.hurt.proxy.release() == [412]
    assert stands(lane) == newest(lane)


def test_a_publisher_that_dies_after_a_pause_before_its_copy_leaves_the_newer_night(lane: Lane) -> None:
    committed = []

    def plan(request: Request) -> Fault | None:
        committed.extend([request] if commits(request) else ())
        if committed and copies(request):
            return Fault.KILL_AFTER
        return Fault.PAUSE if committed and looks_at_plain(request) and not lane.hurt.proxy.injected else None

    lane.hurt.start(lane.due("predict", NIGHT), plan)
    assert stopped(lane.hurt)
    make_newer(lane)
    lane.hurt.resume()
    lane.end(lane.hurt)
    assert stands(lane) == newest(lane)


def test_a_listing_whose_second_page_is_gone_is_an_outage_and_no_shorter_list(lane: Lane) -> None:
    lane.hurt.proxy.start_counting(lambda request: Fault.LOST_PAGE if request.lists else None)
    lake = Lake(lane.settings.model_copy(update={"endpoint": lane.hurt.proxy.url}))
    with pytest.raises(LakeUnavailable):
        lake.partitions(Dataset.RAW, "orders")


def test_no_bit_that_flips_on_the_way_is_published(lane: Lane) -> None:
    for number in range(1, 21):
        task = lane.due("predict", NIGHT)
        answers = nth(number, Fault.FLIP, lambda request: request.method == "GET" and not request.lists)
        lane.checks.ended(lane.hurt.do(task, answers))
        lane.checks.look(NIGHT)


def test_where_a_store_copies_whatever_stands_readers_go_back_until_the_next_run(second: Lane) -> None:
    second.hurt.start(second.due("predict", NIGHT), nth(1, Fault.LATE, copies))
    second.end(second.hurt)
    make_newer(second)
    before = second.checks.set_back
    second.hurt.proxy.release()
    second.checks.look(NIGHT)
    assert second.checks.set_back == before + 1
    second.heal(NIGHT)
