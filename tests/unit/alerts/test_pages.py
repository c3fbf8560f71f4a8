"""Each alert leads to a page that there is, and each such page is led to."""

from typing import get_args

from nightshift.alerts.alert import Kind
from nightshift.alerts.pages import HEADINGS, RUNBOOK
from nightshift.authoring.reference import anchor


def test_every_kind_of_alert_has_its_heading_in_the_runbook(repository):
    lines = (repository / RUNBOOK).read_text().splitlines()
    headings = {anchor(line.lstrip("# ")) for line in lines if line.startswith("#")}
    assert set(HEADINGS) == set(get_args(Kind))
    assert set(HEADINGS.values()) == {heading for heading in headings if heading.startswith("alert-")}
