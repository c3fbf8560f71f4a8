import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nightshift.contracts import EpisodeChange
from nightshift.modelling.label_types import label_type
from nightshift.monitoring.accuracy import Accuracy
from nightshift.monitoring.drift import FeatureDrift
from nightshift.monitoring.matters.record import (
    Attributions,
    DomainShift,
    FeatureCarried,
    FeatureRank,
    LossEstimate,
    Matters,
    SliceAccuracy,
    SliceDrift,
)
from nightshift.monitoring.night_record import NightRecord
from nightshift.monitoring.report import Beside, histogram, loss_line, out_of_reach, render, verdict
from nightshift.monitoring.report.beside import ScoringRun
from nightshift.monitoring.report.histogram import ticks
from nightshift.monitoring.report.values import readable
from nightshift.monitoring.report.values import text_of as text_of_column
from nightshift.monitoring.retrains import Causes, DecisionRecord
from nightshift.stores.manifest import Manifest

SHA = "ab" * 32


def feature(name="amount", ratio=0.4, **changes):
    base = {
        "feature": name, "distance": 0.12, "alarm_distance": 0.2,
        "statistic": ratio * 8, "threshold": 8.0, "ratio": ratio,
        "drifted": ratio > 1, "calibrated": True, "null_share": 0.02, "reference_null_share": 0.01, "rows": 100,
        "counts": [0, 30, 68, 0, 2], "reference": [0, 400, 590, 0, 10], "kind": "numeric",
        "edges": [0.0, 10.0, 25.5], "categories": [],
    }  # fmt: skip
    return FeatureDrift(**base | changes)


def record(night="2024-03-09", loss=0.5, limit=0.7, loss_name="log_loss", **changes):
    names = ("roc_auc", "pr_auc", "brier", "f1", "base_rate", "base_rate_log_loss")
    metrics = dict.fromkeys(names, 0.3) | {"log_loss": loss}
    lost = loss is not None and limit is not None and loss > limit
    base = {
        "model": "orders", "night": night, "version": "3", "measured_by": "2024-03-10", "predictions": "p",
        "labels": "l", "rows": 100, "labelled": 97, "without_label": 3, "labels_unscored": 0,
        "metrics": metrics, "limit": limit, "lost": lost, "loss": loss_name,
    }  # fmt: skip
    return Accuracy(**base | changes)


def night(*features, accuracy=(), version="3", **changes):
    drift = {
        "drifted": any(f.drifted for f in features), "features": list(features), "false_alarm_rate": 0.01,
        "reference_nights": 89, "rows": 100, "worst": features[0].feature if features else "",
        "ratio": features[0].ratio if features else 0.0, "statistic": 0.0, "threshold": 8.0,
    }  # fmt: skip
    pin = {
        "model": "orders", "version": version, "trained_through": "2024-02-20", "run_id": "r1", "sha256": SHA,
        "key": "k", "snapshot_md5": "5f.dir",
    }  # fmt: skip
    counts = {"rows_in": 103, "quarantined": 2, "scored": 100, "not_scored": 1}
    return NightRecord.model_validate({
        "model": "orders", "partition": "2024-03-10", "version": version, "pin": pin, "counts": counts,
        "generation": "g1", "drift": drift, "accuracy": list(accuracy), **changes,
    })  # fmt: skip


def published(provenance):
    return Manifest(
        dataset="predictions", model="orders", column="day", partition="2024-03-10", generation="g1", previous=None,
        rows=100, rows_in=100, rows_quarantined=0, files=(), columns={}, provenance=provenance,
    )  # fmt: skip


class Page(HTMLParser):
    """What a browser would fetch or run, and the text it would show."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.references, self.text = [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.references += [value for name, value in attributes if name in {"src", "srcset", "data"}]
        if tag == "link":
            self.references.append("link")

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (night(feature()), "Night 2024-03-10: quiet"),
        (night(feature(ratio=72.0)), "Night 2024-03-10: drift in amount, over 10x its alarm line"),
        (night(), "Night 2024-03-10: quiet"),
        (night(feature(ratio=2.34)), "Night 2024-03-10: drift in amount, 2.3x its alarm line"),
        (
            night(feature(ratio=2.34), feature("kind", 1.2)),
            "Night 2024-03-10: drift in amount (and 1 more), 2.3x its alarm line",
        ),
        (night(feature(), accuracy=[record(loss=0.9)]), "Night 2024-03-10: lost accuracy on 2024-03-09"),
        (
            night(feature(ratio=3.0), accuracy=[record(loss=0.9)]),
            "Night 2024-03-10: drift in amount, 3.0x its alarm line and lost accuracy on 2024-03-09",
        ),
    ],
)
def test_the_verdict_is_one_sentence(content, said):
    assert verdict(content) == said


def test_the_page_needs_nothing_from_elsewhere(spec):
    html = render(spec, night(feature(), feature("score"), accuracy=[record()]), "http://127.0.0.1:5000")
    page = Page(html)
    assert not page.references
    assert "script" not in page.tags
    assert not re.search(r"url\(|@import", html)


def test_the_page_says_where_everything_comes_from(spec):
    text = " ".join(" ".join(Page(render(spec, night(feature()), "")).text).split())
    for fact in ("orders version 3", SHA, "DVC 5f.dir", "generation g1", "103 in, 100 scored, 3 quarantined"):
        assert fact in text
    assert "One in 100 quiet nights may alarm" in text


def test_the_version_links_to_mlflow(spec):
    assert f'href="http://ml:5000/#/models/{spec.name}/versions/3?workflowType=machine_learning"' in render(
        spec, night(feature()), "http://ml:5000"
    )


@pytest.mark.parametrize(("days", "is_said"), [(None, False), (19, False), (18, True)])
def test_a_champion_older_than_it_may_be_is_said_and_alarms_nobody(spec, change, days, is_said):
    page = render(change(spec, training={"max_age_days": days}), night(feature()), "http://ml:5000")
    text = " ".join(Page(page).text)
    assert ("An old champion: version 3 learnt from nights through 2024-02-20, 19 days before 2024-03-10" in text) == (
        is_said
    )
    assert "Night 2024-03-10: quiet" in text


def test_everything_from_data_is_escaped(spec):
    bad = "<script>alert('&')</script>"
    kind = feature(
        "kind", kind="category", categories=[bad, "b"], counts=[9, 0, 1, 0], reference=[9, 0, 1, 0], edges=[]
    )
    html = render(spec, night(kind, feature(bad), version=bad), "")
    assert "<script" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    "records", [[], [record()], [record(), record("2024-03-10", 0.8)], [record(loss=None, limit=None)]]
)
def test_the_page_renders_with_any_number_of_labelled_nights(spec, records):
    html = render(spec, night(feature(calibrated=False, ratio=0.0), accuracy=records), "")
    assert ("No labels arrived" in html) == (not records)
    assert "too few nights" in html


def test_bars_are_shares_and_fit_the_chart():
    bars = histogram(feature())
    assert [bar["label"] for bar in bars] == ["up to 10", "10 or more", "null"]
    assert sum(bar["night"] for bar in bars) == pytest.approx(1)
    assert max(bar["night_height"] for bar in bars) <= 96
    assert bars[-1]["x"] + 2 * bars[-1]["width"] <= 300


def test_a_value_with_a_bin_of_its_own_is_named():
    edges = [-1.0, 0.0, 5e-324, 3.0, 9.0]
    bars = histogram(feature(edges=edges, counts=[1, 1, 5, 1, 1, 1, 0], reference=[0, 1, 5, 1, 1, 0, 0]))
    expected = ["below -1", "up to 0", "0", "0 to 3", "3 or more", "above 9", "null"]
    assert [bar["label"] for bar in bars] == expected


def test_many_categories_are_folded_and_nothing_is_lost():
    names = [f"c{i:02d}" for i in range(40)]
    many = feature(kind="category", categories=names, counts=[1] * 42, reference=[2] * 42, edges=[])
    bars = histogram(many)
    assert [bar["label"] for bar in bars][-3:] == ["27 more", "other", "null"]
    assert sum(bar["night"] for bar in bars) == pytest.approx(1)


def test_a_feature_of_nulls_alone_has_its_bar():
    bars = histogram(feature(edges=[], counts=[0, 9], reference=[0, 90]))
    assert [bar["label"] for bar in bars] == ["any", "null"]


def test_the_loss_line_shows_the_limit_only_where_there_is_one():
    line = loss_line([record(), record("2024-03-10", limit=None)])
    assert len(line["points"]) == 2
    assert len(line["limits"]) == 1
    assert loss_line([record(loss=None)]) is None


@pytest.mark.parametrize(
    ("kind", "loss", "value", "said"),
    [
        ("binary", "log_loss", 0.5, ["decides at 0.5", "log loss", "PR AUC", "0.500"]),
        ("multiclass", "brier", 0.25, ["as published", "brier", "F1, mean of classes", "0.250"]),
        ("regression", "squared_error", 28543.21, ["as published", "squared error", "RMSE of the mean", "28,543.2"]),
    ],
)
def test_accuracy_is_in_the_words_of_the_label(of_kind, kind, loss, value, said):
    spec = of_kind(kind)
    metrics = dict.fromkeys(["log_loss", *label_type(spec).metrics_kept], 0.25) | {loss: value}
    records = [record(f"2024-03-0{day}", metrics=metrics, loss_name=loss) for day in (1, 2)]
    watched = feature(label_type(spec).drift_column)
    text = " ".join(" ".join(Page(render(spec, night(watched, accuracy=records), "")).text).split())
    for words in said:
        assert words in text


def shown(spec, *features, **changes):
    """The page's text, without line breaks."""
    html = render(spec, night(*features, **changes), "")
    return " ".join(" ".join(Page(html).text).split())


def test_an_alarm_is_shown_with_its_first_night_and_what_a_person_said(spec):
    opened = EpisodeChange("orders-3-drift-2024-03-08", "drift", "updated", "2024-03-10", "2024-03-08", 3)
    known = replace(opened, silenced="acknowledged by ada: the vendor mends it")
    assert "drift updated 2024-03-08 3 nobody has acknowledged it" in shown(spec, feature(ratio=2.0), episodes=[opened])
    assert "acknowledged by ada: the vendor mends it" in shown(spec, feature(ratio=2.0), episodes=[known])
    assert "Alarms" not in shown(spec, feature())


def test_a_planned_night_says_why_it_alarms_nobody(spec):
    assert "A planned night, which alarms nobody: new year" in shown(spec, feature(), planned="new year")


def test_lines_out_of_reach_are_named_and_series_are_none(spec):
    far = feature("wind", alarm_distance=0.995)
    series = feature("rain", alarm_distance=1.0, is_by_night=True)
    unknown = feature("snow", alarm_distance=1.0, calibrated=False, ratio=0.0)
    assert out_of_reach([feature(), far, series, unknown]) == ["wind"]
    text = shown(spec, feature(), far, series)
    assert "Out of reach of a single night: wind" in text
    assert "Series: one value a night" in text
    assert "Out of reach" not in shown(spec, feature())


def test_each_feature_says_by_what_statistic_it_is_nearest_to_its_line(spec):
    assert "pooled 7 since 2024-03-04" in shown(spec, feature(by="pooled 7", since="2024-03-04"))


def skilled(night_key, skill, evidence):
    """A labelled night of which there is a skill, and a verdict of so much evidence."""
    values = {
        "rows": 97, "skill": skill, "skill_noise": 0.01, "rank": 0.7, "rank_noise": 0.01, "forecast": {"yes": 0.3},
        "outcome": {"yes": 0.31}, "score": {"yes": 0.3}, "bias_noise": {"yes": 0.01},
    }  # fmt: skip
    pooled = {"nights": [night_key], "evidence": evidence, "needed": 100, "worst": "rank", "usual": {"skill": 0.04}}
    return record(night_key, skill=values, pooled=pooled, lost=evidence >= 100)


def test_accuracy_is_shown_as_skill_over_time(spec):
    records = [skilled("2024-03-07", 0.05, 12.0), skilled("2024-03-08", -0.01, 180.0)]
    html = render(spec, night(feature(), accuracy=records), "")
    text = " ".join(" ".join(Page(html).text).split())
    assert "of evidence for lost" in text
    assert "12 %" in text
    assert "180 %" in text
    assert "alarm above" not in text
    assert "a forecaster without features, the line at 0" in text
    assert verdict(night(feature(), accuracy=records)) == "Night 2024-03-10: lost accuracy on 2024-03-08"
    worse = [skilled(f"2024-03-0{day}", 0.0, 200.0) for day in (5, 6, 7)]
    assert verdict(night(feature(), accuracy=worse)).endswith("lost accuracy on 2024-03-05 and 2 more nights")


def test_what_matters_is_ranked_and_said_before_labels_are_there(spec):
    amount = FeatureRank("amount", 0.02, 0.05, 0.01, 0.4, loss_moved=0.003, loss_moves_usually=0.001)
    matters = Matters(
        features=[amount],
        estimate=LossEstimate("log_loss", 100, 0.512, 0.45, 0.57, usual=0.48, limit=0.6, above=False),
        domain=DomainShift(0.61, 100, usual=0.52, limit=0.58, above=True, columns=["amount"], left_out=[]),
        slices=[SliceDrift("kind", "<b>", 50, "amount", 0.2, 1.4, limit=2.0, above=False)],
        slice_accuracy=[SliceAccuracy("2024-03-09", "kind", "shoe", 40, 0.9, usual=0.5, limit=0.7, above=True)],
        notes=["the reference has few nights"],
    )
    html = render(spec, night(feature(), matters=matters), "")
    text = " ".join(" ".join(Page(html).text).split())
    assert "a row is expected to lose 0.512 log loss, and its night will lie between 0.450 and 0.570" in text
    assert "with an area of 0.610" in text
    assert "amount 0.0200 0.0500 ± 0.0100 40 % 0.0030 0.0010" in text
    assert "kind <b> amount 1.40 2.00 50" in text
    assert "kind shoe 2024-03-09 0.900 0.500 0.700 40" in text
    assert "the reference has few nights" in text
    assert "<b>" not in html
    assert "What matters" not in shown(spec, feature())


def test_why_there_is_no_verdict_on_accuracy_is_said(spec):
    few = record(pooled={"nights": ["2024-03-09"], "cannot": "3 judged nights say too little"}, lost=None)
    assert "3 judged nights say too little." in shown(spec, feature(), accuracy=[few])


def decided(retrain=False, reason="0 of the last 3 nights drifted, 2 needed"):
    evidence = Causes("2024-03-10", "3", {}, {}, [], "2024-02-20", 10)
    return DecisionRecord(
        model="orders", partition="2024-03-10", retrain=retrain, reason=reason, run_id="retrain__x",
        evidence=evidence, policy={},
    )  # fmt: skip


def text_of(html):
    return " ".join(" ".join(Page(html).text).split())


OPENED = EpisodeChange("orders-3-drift-2024-03-08", "drift", "updated", "2024-03-10", "2024-03-08", 3)


def test_the_first_screen_says_what_since_when_and_what_to_do(spec):
    html = render(spec, night(feature(ratio=2.0), episodes=[OPENED]), "", Beside(decided()))
    text = text_of(html)
    assert "Open: drift since 2024-03-08, 3 alarmed nights, nobody has acknowledged it." in text
    assert "nightshift ingest orders 2024-03-10 && nightshift validate orders 2024-03-10" in text
    assert 'nightshift acknowledge orders orders-3-drift-2024-03-08 --why "..."' in text
    assert "no retrain: 0 of the last 3 nights drifted, 2 needed" in text
    places = [html.index(words) for words in ("<h1>", "nightshift ingest", "At a glance", "moved most", "worst first")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("change", "said", "unsaid"),
    [
        ({}, "Nothing to do.", "nightshift ingest"),
        ({"planned": "new year"}, "Nothing to do: the night is planned", "nightshift ingest"),
        ({"episodes": [replace(OPENED, change="closed")]}, "Nothing to do.", "Open:"),
        ({"episodes": [replace(OPENED, silenced="muted")], "ratio": 2.0}, "muted", "nightshift acknowledge"),
    ],
)
def test_a_night_that_wakes_nobody_asks_for_nothing(spec, change, said, unsaid):
    ratio = change.pop("ratio", 0.4)
    text = shown(spec, feature(ratio=ratio), **change)
    assert said in text
    assert unsaid not in text


def test_a_started_retrain_is_the_first_thing_to_look_at(spec):
    text = text_of(render(spec, night(feature(ratio=2.0), episodes=[OPENED]), "", Beside(decided(retrain=True))))
    assert text.index("A retrain was started, retrain__x") < text.index("nightshift ingest")
    assert "has not decided yet" in shown(spec, feature())


def test_dropped_rows_are_told_by_rule(spec):
    text = shown(spec, feature(), quarantined_by={"kind: null": 1, "amount: range": 2})
    assert "3 of 103 rows: amount: range 2, kind: null 1, not scored 1" in text


def test_what_was_expected_stands_beside_what_came(spec):
    estimate = LossEstimate("log_loss", 100, 0.512, 0.45, 0.57, usual=0.48, limit=0.6, above=False)
    content = night(feature(), accuracy=[skilled("2024-03-09", 0.05, 12.0)])
    assert "0.512 0.450 to 0.570" in text_of(render(spec, content, "", Beside(None, {"2024-03-09": estimate})))
    assert "was expected" not in text_of(render(spec, content, ""))


@pytest.mark.parametrize(
    ("url", "links"), [("https://airflow.example.org/dags/orders.predict/runs/r1", 1), ("javascript:alert(1)", 0)]
)
def test_the_page_leads_to_the_run_that_scored(spec, url, links):
    provenance = {"airflow_dag": "orders.predict", "airflow_run": "r1", "airflow_url": url}
    page = render(spec, night(feature()), "", Beside(scored_by=ScoringRun.of(published(provenance))))
    assert "in the run r1 of orders.predict" in text_of(page)
    assert page.count(f'href="{url}"') == links


def test_a_night_that_a_person_scored_has_no_run(spec):
    assert ScoringRun.of(published({"by": "tests"})) is None
    assert "in no run of Airflow: by hand" in text_of(render(spec, night(feature()), ""))


def test_what_carried_the_scores_is_told_or_said_not_to_be_known(spec):
    heavy = FeatureCarried("amount", 0.08, 0.03, 0.02, 0.05, departure=6.0)
    told = Attributions(100, [heavy], limit=3.0, above=True)
    text = shown(spec, feature(), matters=Matters(features=[], attributions=told))
    assert "amount carries 2.67 times as much as usual, beyond what quiet nights show" in text
    assert "amount 0.0800 0.0300 0.0200 0.0500" in text
    assert "nothing known" in shown(spec, feature(), matters=Matters(features=[]))


def test_of_many_features_the_worst_are_drawn_and_none_is_lost(spec):
    many = [feature(f"f{place:03d}", ratio=0.9 - place / 300) for place in range(200)]
    html = render(spec, night(*many), "")
    text = text_of(html)
    assert html.count('role="img"') == 6
    assert all(f"f{place:03d}" in text for place in range(200))
    assert "180 more, each at 83 % of its line or less" in text
    assert len(html) < 150_000


def test_a_night_without_rows_draws_nothing_and_says_so(spec):
    empty = night(feature(counts=[0] * 5, rows=0, calibrated=False, ratio=0.0))
    drift = replace(empty.drift, rows=0, cannot=["the night has no rows, so nothing was compared"])
    html = render(spec, empty.model_copy(update={"drift": drift}), "")
    assert "Not judged: the night has no rows" in text_of(html)
    assert 'role="img"' not in html


def test_values_are_written_as_people_write_them(spec, change):
    assert [readable(value) for value in (0.0, -0.0, 12.34567, 1234.5, 56_789_000, 3.2e12, 1.7e308, 0.00002)] == [
        "0", "0", "12.35", "1,234", "56.79M", "3200bn", "1.7e308", "2e-05",
    ]  # fmt: skip
    dated = change(spec, columns={"number": {"type": "date", "min": None, "max": None, "feature": False}})
    assert text_of_column(dated.columns["number"])(19_792.0) == "2024-03-10"
    assert text_of_column(spec.columns["express"])(1.0) == "yes"


def test_a_tick_above_a_bin_of_zeros_says_zero():
    bars = histogram(feature(edges=[0.0, 5e-324, 3.0], counts=[0, 5, 1, 1, 0], reference=[0, 50, 50, 0, 0]))
    assert [tick["text"] for tick in ticks(bars)] == ["0"]


def test_ticks_say_how_much_of_the_reference_lies_below_and_do_not_touch():
    edges = [-5.0, *range(10, 100, 10), 120.0]
    bars = histogram(feature(edges=edges, counts=[0, *[10] * 10, 0, 0], reference=[0, *[100] * 10, 0, 0]))
    told = {tick["text"]: tick["share"] for tick in ticks(bars)}
    assert told == pytest.approx({"10": 0.1, "50": 0.5, "90": 0.9})
    assert (bars[0]["night_rows"], bars[0]["reference_rows"]) == (10, 100)
