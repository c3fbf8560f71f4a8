"""Lanes that the tests of this folder share: one on each store, started once."""

from collections.abc import Iterator

import pytest

from tests.faults.lane import Lane

SEED = 20130401


@pytest.fixture(scope="session")
def first_lane() -> Iterator[Lane]:
    """A lane on SeaweedFS."""
    with Lane("seaweedfs", SEED) as lane:
        yield lane


@pytest.fixture(scope="session")
def second_lane() -> Iterator[Lane]:
    """A lane on moto's server, which takes no notice of ``If-Match`` on copies."""
    with Lane("moto", SEED) as lane:
        yield lane


@pytest.fixture
def lane(first_lane: Lane) -> Iterator[Lane]:
    """The first, with nothing on record; what a test leaves wrong fails it."""
    yield from _clean(first_lane)


@pytest.fixture
def second(second_lane: Lane) -> Iterator[Lane]:
    """The second, in the same way."""
    yield from _clean(second_lane)


def _clean(lane: Lane) -> Iterator[Lane]:
    lane.violations.clear()
    lane.checks.outcomes.clear()
    for process in lane.all_hurt:
        process.proxy.injected.clear()
    yield lane
    assert lane.violations == []
