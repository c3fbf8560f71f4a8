"""What the page of nights says of a night that was monitored."""

import json
from typing import Any

import pytest

from nightshift.contracts import Pin
from nightshift.monitoring.drift import DriftResult
from nightshift.monitoring.night_record import NightCounts, NightRecord
from nightshift.pages.night_facts import FactsOfYear, verdict_of
from nightshift.pages.recent_nights import RecentNights

PIN = Pin("orders", "4", "run", "ab" * 32, "k", "5f.dir", "2024-01-01")


def monitored(drifted: bool, detectors: dict[str, bool | None], **fields: Any) -> NightRecord:
    drift = DriftResult(drifted, 9.0, 8.0, 1.1, "amount", 3, 0.01, 89, [], detectors=detectors)
    return NightRecord(
        model="orders",
        partition="2024-01-02",
        version="4",
        pin=PIN,
        counts=NightCounts(20, 17, 3, 0),
        generation="cc",
        drift=drift,
        accuracy=(),
        **fields,
    )


def test_a_year_that_was_cached_before_there_were_pages_is_read_and_its_nights_count_as_others() -> None:
    night = {
        "made_from": "a b c",
        "state": "published",
        "rows": 3,
        "version": "4",
        "verdict": "quiet",
        "quarantined": 17,
    }
    cached = FactsOfYear.from_json(json.dumps({"format": 1, "nights": {"2024-01-02": night}}).encode(), "here")
    recent = RecentNights(["2024-01-02"], predictions={"2024-01-02": "a"})
    assert not recent.is_of("2024-01-02", cached.nights["2024-01-02"].made_from)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        (None, ""),
        (monitored(True, {"night": True, "nights": False}), "drift"),
        (monitored(False, {"night": False, "nights": None}), "quiet"),
        (monitored(False, {}), "quiet"),
        (monitored(False, {"night": None, "nights": None}), "not judged"),
        (monitored(True, {"night": True}, planned="a holiday"), "planned"),
    ],
)
def test_a_night_that_no_detector_can_judge_is_not_called_quiet(record: NightRecord | None, verdict: str) -> None:
    assert verdict_of(record) == verdict
