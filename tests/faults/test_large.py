"""Nights of many megabytes: what is sent in parts appears whole or not at all, and unended uploads are collected."""

import pytest

from tests.faults.large import NIGHT, SHARD_ROWS, at_write
from tests.faults.proxy import Fault
from tests.faults.site import Site

pytestmark = pytest.mark.faults


def test_multipart_uploads_that_die_are_invisible_and_collected() -> None:
    with Site((NIGHT,)) as site:
        site.clean_run(NIGHT, "1", SHARD_ROWS)
        # After the first part of a shard, and within the night's own file.
        assert at_write(site, 3, Fault.KILL_AFTER) == "killed"
        assert at_write(site, 13, Fault.KILL_BEFORE) == "killed"
        # The shard's completion, done and not heard of: another try finds out.
        assert at_write(site, 4, Fault.LOST_ANSWER) == "published"
        assert len({upload.key for upload in site.lake.objects.unfinished("")}) == 2
        site.clean_run(NIGHT, "3", SHARD_ROWS)
        assert site.collect().uploads_aborted == 2
        assert site.leftovers() == set()
        assert site.check(NIGHT) == "3"
