"""Which columns of a key are ids, night by night, and which tell something of their rows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.unit.authoring.conftest import Proposal

NIGHTS = pd.date_range("2024-01-01", periods=8).date
CUSTOMERS = np.random.default_rng(1).integers(10**8, 10**9, 40)


def nightly(each: pd.DataFrame) -> pd.DataFrame:
    """The same rows every night, with something to learn."""
    rng = np.random.default_rng(0)
    frame = pd.concat([each.assign(day=night) for night in NIGHTS], ignore_index=True)
    return frame.assign(size=rng.normal(size=len(frame)), label=rng.random(len(frame)) < 0.3)


def test_customers_of_a_key_of_two_columns_are_an_id(propose: Proposal) -> None:
    frame = nightly(pd.DataFrame({"customer_id": CUSTOMERS, "line": 1}))
    spec, made, text = propose(frame, keys=("customer_id", "line"))
    assert spec.features == ("size",)
    assert "customer_id" not in spec.drift.features
    assert "customer_id: the key names the row: each row of a night has its own value" in "\n".join(made.notes)
    assert "no feature: the key names the row: each row of a night has its own value" in text


def test_what_several_rows_of_a_night_share_is_a_feature(propose: Proposal) -> None:
    each = pd.DataFrame({"airport": np.repeat(["JFK", "LGA", "EWR"], 20), "flight": np.tile(np.arange(20), 3)})
    spec, made, _ = propose(nightly(each), keys=("airport", "flight"))
    assert set(spec.features) == {"airport", "flight", "size"}
    assert "airport: a feature, though a key: 456 rows share its value with their night's" in made.notes


@pytest.mark.parametrize("hours", [range(24), [f"{hour:02d}" for hour in range(24)]], ids=["numbers", "texts"])
def test_hours_are_a_feature_though_they_alone_are_the_key(propose: Proposal, hours: Any) -> None:
    spec, made, _ = propose(nightly(pd.DataFrame({"hour": list(hours)})), keys=("hour",))
    assert "hour" in spec.features
    assert "hour: a feature, though a key: the whole numbers 0 to 23 come back" in made.notes


@pytest.mark.parametrize(
    "values", [CUSTOMERS, [f"c{number}" for number in range(40)], CUSTOMERS * 1.5], ids=["numbers", "texts", "floats"]
)
def test_what_each_row_of_a_night_has_for_itself_is_an_id(propose: Proposal, values: Any) -> None:
    spec, _, _ = propose(nightly(pd.DataFrame({"id": values})))
    assert spec.features == ("size",)


def test_numbers_that_run_through_all_nights_are_an_id(propose: Proposal) -> None:
    frame = nightly(pd.DataFrame({"id": range(40)}))
    spec, _, _ = propose(frame.assign(id=np.arange(len(frame))))
    assert spec.features == ("size",)


def test_what_numbers_the_rows_of_each_night_by_its_name_is_an_id(propose: Proposal) -> None:
    spec, _, _ = propose(nightly(pd.DataFrame({"id": range(40)})))
    assert spec.features == ("size",)
