import pytest

from nightshift.errors import NightshiftError


@pytest.fixture
def planned(change, spec):
    holidays = {"from": "2024-12-24", "to": "2024-12-26", "why": "Christmas"}
    move = {"from": "2024-06-01", "why": "another source"}
    return change(spec, drift={"planned": [holidays, move]})


@pytest.mark.parametrize(
    ("night", "why"),
    [
        ("2024-12-23", None),
        ("2024-12-24", "Christmas"),
        ("2024-12-26", "Christmas"),
        ("2024-12-27", None),
        ("2024-06-01", "another source"),
        ("2024-06-02", None),
    ],
)
def test_planned_nights_are_those_from_first_to_last(planned, night, why):
    assert planned.drift.why_planned(night) == why


def test_a_spec_that_was_written_out_is_read_again(planned, change):
    assert change(planned).drift == planned.drift


@pytest.mark.parametrize(
    "wrong",
    [
        {"from": "2024-12-24", "to": "2024-12-23", "why": "backwards"},
        {"from": "2024-12-24", "why": ""},
        {"from": "2024-12-24"},
    ],
)
def test_what_is_no_plan_is_refused(change, spec, wrong):
    with pytest.raises((ValueError, NightshiftError)):
        change(spec, drift={"planned": [wrong]})
