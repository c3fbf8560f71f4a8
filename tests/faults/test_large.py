"""Nights of many megabytes: what is sent in parts appears whole or not at all, and unended uploads are collected."""

import pytest

from tests.faults.large import NIGHT, SHARD_ROWS, at_write, writes
from tests.faults.proxy import Fault
from tests.faults.site import Site

pytestmark = pytest.mark.faults


def test_multipart_uploads_that_die_are_invisible_and_collected() -> None:
    with Site((NIGHT,)) as site:
        made = writes(site)
        assert made.count("begin") >= 2
        first, last = made.index("part") + 1, len(made) - made[::-1].index("part")
        # Within a shard, and within the night's own file.
        assert at_write(site, first, Fault.KILL_AFTER) == "killed"
        assert at_write(site, last, Fault.KILL_BEFORE) == "killed"
        # A shard's end, done and not heard of: another try finds out.
        assert at_write(site, made.index("end") + 1, Fault.LOST_ANSWER) == "published"
        assert len({upload.key for upload in site.lake.objects.incomplete_uploads("")}) == 2
        site.clean_run(NIGHT, "3", SHARD_ROWS)
        assert site.collect().uploads_aborted == 2
        assert site.leftovers() == set()
        assert site.check(NIGHT) == "3"
