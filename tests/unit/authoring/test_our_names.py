"""A column of the data that is called like one of ours gets another name in the draft, and that is said."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from nightshift.settings import Settings
from nightshift.sources import features, labels
from nightshift.spec.reserved import MONITORED, RESERVED
from nightshift.stores import Stores
from tests.frames import NIGHTS, put, rows
from tests.unit.authoring.conftest import Proposal

NIGHT = NIGHTS[1].isoformat()


@pytest.mark.parametrize("name", ["run_id", "Model Version", "statistic", "rows"])
def test_what_says_the_night_may_be_called_so(propose: Proposal, project: Settings, name: str) -> None:
    spec, made, _ = propose(rows().rename(columns={"day": name}), partition_by=name)
    assert spec.partition.column not in {*RESERVED, *MONITORED}
    assert any(note.startswith(f"{name} is called {spec.partition.column} in model.yaml") for note in made.notes)
    assert len(features(spec, NIGHT, Stores(project))) == 40


def test_a_folder_of_nights_may_be_called_so(propose: Proposal, project: Settings) -> None:
    for night, part in rows().groupby("day"):
        put(part.drop(columns="day"), project.project / f"lake/rows={night}/part.parquet")
    spec, _, _ = propose(rows(), data="lake/**/*.parquet", partition_by="rows")
    assert spec.partition.column == "rows_2"
    assert len(features(spec, NIGHT, Stores(project))) == 40


@pytest.mark.parametrize("name", RESERVED)
def test_label_key_and_feature_may_be_called_so(propose: Proposal, project: Settings, name: str) -> None:
    others = [other for other in RESERVED if other != name]
    key, feature, *_ = others
    frame = rows().rename(columns={"label": name, "id": key, "size": feature})
    spec, made, _ = propose(frame, label=name, keys=(key,))
    assert (spec.label.column, spec.keys, spec.features) == (f"{name}_2", (f"{key}_2",), (f"{feature}_2",))
    assert len([note for note in made.notes if "is a column that Nightshift adds" in note]) == 3
    assert len(labels(spec, NIGHT, Stores(project))) == 40


def test_the_label_and_the_night_may_differ_only_by_capitals(propose: Proposal) -> None:
    spec, _, _ = propose(rows().rename(columns={"label": "Day"}), label="Day")
    assert (spec.partition.column, spec.label.column, spec.label.source) == ("day", "day_2", "Day")


def test_a_feature_may_be_called_like_the_score_of_a_class(propose: Proposal) -> None:
    kinds = np.array(["a", "b", "c"])[np.arange(400) % 3]
    spec, _, _ = propose(rows(label=kinds, label_score_b=np.arange(400) % 7))
    assert "label_score_b" in spec.scores
    assert "label_score_b_2" in spec.features


def test_parts_of_a_moment_take_no_name_that_is_there(propose: Proposal) -> None:
    moments = [dt.datetime(2024, 1, 1 + place % 9, place % 24) for place in range(400)]
    frame = rows(at=pd.to_datetime(moments)).rename(columns={"label": "at_hour"})
    spec, _, _ = propose(frame, label="at_hour")
    assert spec.columns["at"].parts == ("weekday",)
