"""Trouble of all kinds, for a while, with a fixed seed; and each rarer kind once for sure."""

import random
from collections.abc import Iterator

import pyarrow as pa
import pytest

from tests.faults.campaign import NIGHTS, campaign
from tests.faults.episodes import Dice, Episode, collected, disk_full, race, store_killed, zombie
from tests.faults.site import Site
from tests.faults.world import Judge, Wrong

pytestmark = pytest.mark.faults

SEED, SECONDS = 20130401, 12


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site(NIGHTS) as found:
        yield found


@pytest.mark.parametrize("episode", [race, zombie, store_killed, disk_full, collected])
def test_trouble_and_then_a_run_that_heals(site: Site, episode: Episode) -> None:
    dice = Dice(random.Random(SEED))
    episode(site, dice)
    for night in site.nights:
        site.check(night)
        site.clean_run(night, dice.version(), dice.shard_rows())
    assert site.record.violations == []


def test_a_night_needs_no_disk(site: Site) -> None:
    assert site.end(site.start(NIGHTS[0], "3", 1, file_limit=0)).how == "published"


def test_no_space_to_check_the_keys_of_a_large_night_is_an_outage_that_says_so(site: Site) -> None:
    before = site.check(NIGHTS[0])
    outcome = site.end(site.start(NIGHTS[0], "4", 1, file_limit=0, rows_in_memory=100))
    assert (outcome.how, site.check(NIGHTS[0])) == ("OutOfSpace", before)
    assert "make room in" in outcome.said


def test_a_campaign_finds_no_violation_and_leaves_nothing_over() -> None:
    found = campaign(SEED, SECONDS)
    assert (found["violations"], found["left_over"]) == ([], [])
    assert sum(found["faults"].values()) > 0
    assert {reader["reader"] for reader in found["readers"] if reader["reads"]} == {"manifest", "arrow", "pandas"}
    assert sum(found["runs"].values()) > found["clean_runs"]


def test_the_judge_sees_what_is_wrong() -> None:
    night = NIGHTS[0]
    judge, right, other = Judge(NIGHTS), night.predictions("1"), night.predictions("2")
    assert judge.version(night.partition, right) == "1"
    half = night.rows // 2
    for wrong in (
        right.slice(1),
        pa.concat_tables([right, right]),
        pa.concat_tables([right.slice(0, half), other.slice(half)]),
        right.set_column(right.column_names.index("score"), "score", other["score"]),
        pa.concat_tables([right.slice(0, half), right.slice(half - 1, 1), right.slice(half + 1)]),
        NIGHTS[1].predictions("1"),
    ):
        with pytest.raises(Wrong):
            judge.version(night.partition, wrong)
