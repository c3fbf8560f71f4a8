"""The pages of models on a lake in memory: what they say, by how few requests, and that nothing of data is markup."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from nightshift import concurrency
from nightshift.monitoring.episodes import Episode
from nightshift.monitoring.silences import Silence, silences
from nightshift.pages import html, recent_nights
from nightshift.pages.index import IndexEntry, read_index
from nightshift.pages.links import FileLinks, ServedLinks
from nightshift.pages.look import ModelLook, look_at
from nightshift.pages.overview import MOST_REQUESTS
from nightshift.partitions import following
from nightshift.spec import ModelSpec
from nightshift.steps.report import report
from nightshift.stores import Stores, layout
from nightshift.stores.aliases import AliasMove
from nightshift.stores.manifest import Retraction
from tests.conftest import SMALL
from tests.unit.pages.shown_lake import CountedObjects, ShownModel, open_lake

NIGHTS = following("2024-01-01", 12)
LINKS = ServedLinks("/nightshift")
MARKUP = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nightshift.s3.trust.require", lambda _: None)


@pytest.fixture
def lake() -> tuple[Stores, CountedObjects]:
    return open_lake()


def spec_of(name: str = "orders", **changes: Any) -> ModelSpec:
    return ModelSpec.model_validate({"name": name, **SMALL, **changes})


def promote(stores: Stores, model: str, version: str, night: str, reason: str = "better") -> None:
    ledger = stores.aliases.ledger(model)
    head = ledger.head()
    origin = {"by": "ana"}
    move = AliasMove(
        model=model,
        alias="champion",
        before=head.version("champion"),
        after=version,
        reason=reason,
        origin=origin,
        night=night,
    )
    assert ledger.append(head, move)


def acknowledge(stores: Stores, spec: ModelSpec, episode: Episode, why: str = "a hub moved") -> None:
    ledger = silences(spec.name, stores)
    silence = Silence(model=spec.name, by="ana", why=why, origin={}, episode=episode)
    assert ledger.append(ledger.head(), silence)


def filled(lake: tuple[Stores, CountedObjects], spec: ModelSpec, drifted: int = 0) -> ShownModel:
    """Twelve nights and a champion; the last of them drifted."""
    stores, objects = lake
    model = ShownModel(spec, objects)
    for place, night in enumerate(NIGHTS):
        is_drifted = place >= len(NIGHTS) - drifted
        model.night(night, ratio=1.5 if is_drifted else 0.5, quarantined=17 if place == 2 else 0)
    promote(stores, spec.name, "1", NIGHTS[0])
    return model


def page_of(look: ModelLook) -> str:
    return html.model_page(look, LINKS, "http://mlflow.example/")


def test_a_quiet_model_says_in_one_sentence_that_all_is_well(lake) -> None:
    spec = spec_of()
    filled(lake, spec)
    look = look_at(spec, lake[0])
    assert (look.health.word, look.alarms) == ("well", [])
    assert re.search(r"<h1>All well: 2024-01-12 was published, [\d,]+ rows</h1>", page_of(look))


def test_an_alarm_says_since_when_by_what_and_what_to_type(lake) -> None:
    spec = spec_of()
    filled(lake, spec, drifted=3)
    health = look_at(spec, lake[0], requests=1000).health
    assert health.headline == "Drift since 2024-01-10 in 1 feature, most in amount, on 3 nights"
    assert health.commands[0].command == "nightshift acknowledge orders orders-1-drift-2024-01-10 --why TEXT"


def test_an_alarm_of_which_not_all_nights_are_read_names_no_episode(lake) -> None:
    spec = spec_of()
    filled(lake, spec, drifted=9)
    first = look_at(spec, lake[0])
    assert any(not night.is_read for night in first.view.nights)
    assert first.health.commands[0].command == "nightshift episodes orders"
    assert "orders-1-drift" not in first.health.headline


def test_an_alarm_that_somebody_acknowledged_wants_nobody(lake) -> None:
    spec = spec_of()
    filled(lake, spec, drifted=3)
    (alarm,) = look_at(spec, lake[0], requests=1000).alarms
    acknowledge(lake[0], spec, alarm.episode)
    look = look_at(spec, lake[0], requests=1000)
    assert (look.health.word, look.health.commands) == ("known", ())
    assert "acknowledged by ana: a hub moved" in page_of(look)


def test_an_alarm_that_began_before_the_nights_shown_keeps_its_name(lake) -> None:
    spec = spec_of()
    filled(lake, spec, drifted=8)
    whole = look_at(spec, lake[0], requests=1000)
    short = look_at(spec, lake[0], most=3, requests=1000)
    assert [alarm.name for alarm in short.alarms] == [alarm.name for alarm in whole.alarms]
    assert short.alarms[0].name == "orders-1-drift-2024-01-05"


def test_a_mute_is_seen_though_the_newest_night_is_quiet(lake) -> None:
    spec = spec_of()
    model = filled(lake, spec, drifted=3)
    model.night("2024-01-13", ratio=0.5)
    (open_alarm,) = look_at(spec, lake[0], requests=1000).alarms
    assert open_alarm.needs_person
    ledger = silences(spec.name, lake[0])
    mute = Silence(
        model=spec.name,
        by="ana",
        why="a move",
        origin={},
        since="2024-01-13",
        until="2024-01-14",
    )
    assert ledger.append(ledger.head(), mute)
    (muted,) = look_at(spec, lake[0], requests=1000).alarms
    assert muted.silenced == "muted until 2024-01-14 by ana: a move"
    # What it says is of the newest night, and so is its end.
    for night in ("2024-01-14", "2024-01-15"):
        model.night(night, ratio=1.5 if night == "2024-01-15" else 0.5)
    (heard,) = look_at(spec, lake[0], requests=1000).alarms
    assert heard.needs_person


def test_a_page_of_earlier_nights_says_nothing_of_how_the_model_is_now(lake) -> None:
    spec = spec_of()
    model = filled(lake, spec, drifted=3)
    for night in ("2024-01-13", "2024-01-14", "2024-01-15"):
        model.night(night, ratio=0.5)
    (closed,) = look_at(spec, lake[0], requests=1000).alarms
    assert closed.state == "closed by 2024-01-15"
    calm = look_at(spec, lake[0], "2024-01-05", requests=1000)
    amid = look_at(spec, lake[0], "2024-01-13", requests=1000)
    for look in (calm, amid):
        assert (look.health.word, look.health.tone, look.health.commands) == ("earlier", "none", ())
    (alarm,) = amid.alarms
    assert (alarm.state, alarm.needs_person) == ("not over by 2024-01-12", False)
    page = html.model_page(calm, LINKS, "", before="2024-01-05")
    assert "All well" not in page
    assert "newest night" not in page
    assert 'href="/nightshift/models/orders"' in page


def test_a_refused_night_comes_before_any_alarm(lake) -> None:
    spec = spec_of()
    filled(lake, spec, drifted=3).checked("2024-01-13")
    health = look_at(spec, lake[0]).health
    assert (health.word, health.headline) == (
        "refused",
        "2024-01-13 was refused by the checks: nothing was published",
    )


def test_nights_before_those_that_are_listed_wholly_are_read_wholly(lake, monkeypatch) -> None:
    monkeypatch.setattr(recent_nights, "FULLY", 4)
    spec = spec_of()
    filled(lake, spec)
    facts = look_at(spec, lake[0], requests=1000).view.facts
    assert [facts[night].ratio for night in NIGHTS] == [0.5] * len(NIGHTS)


def test_an_early_night_that_was_published_anew_is_read_anew(lake, monkeypatch) -> None:
    monkeypatch.setattr(recent_nights, "FULLY", 4)
    spec = spec_of()
    model = filled(lake, spec)
    before = look_at(spec, lake[0], requests=1000).view.facts[NIGHTS[1]]
    model.night(NIGHTS[1], version="7", ratio=0.75)
    after = look_at(spec, lake[0], requests=1000).view.facts[NIGHTS[1]]
    assert (before.version, after.version, after.ratio) == ("1", "7", 0.75)


def test_a_page_takes_few_requests_once_it_was_read(lake) -> None:
    spec = spec_of()
    filled(lake, spec, drifted=3)
    look_at(spec, lake[0], requests=1000)
    look_at(spec, lake[0], requests=1000)
    lake[1].requests.clear()
    assert all(night.is_read for night in look_at(spec, lake[0]).view.nights)
    assert lake[1].requests.total() <= MOST_REQUESTS


def test_who_has_the_lake_s_key_alone_shows_nobody_another_champion(lake) -> None:
    spec = spec_of()
    filled(lake, spec)
    look_at(spec, lake[0], requests=1000)
    assert look_at(spec, lake[0]).view.champion == "1"
    place = layout.ledger_facts(spec.name)
    body, _ = lake[1].bodies[place]
    forged = re.sub(rb'"check": "\w+"', b'"check": null', body.replace(b'"champion": "1"', b'"champion": "9"'))
    assert forged != body
    lake[1].put(place, forged)
    assert look_at(spec, lake[0]).view.champion == "1"


def test_the_story_is_told_in_sentences_and_read_once(lake) -> None:
    spec = spec_of()
    filled(lake, spec)
    promote(lake[0], spec.name, "2", NIGHTS[5], "log loss 0.3 against 0.4")
    page = page_of(look_at(spec, lake[0], requests=1000))
    assert "Version 2 became champion, in place of version 1." in page
    assert "ana: log loss 0.3 against 0.4" in page
    look_at(spec, lake[0], requests=1000)
    lake[1].requests.clear()
    look_at(spec, lake[0], requests=1000)
    assert lake[1].requests["put"] == 0


def test_a_damaged_ledger_is_said_and_costs_no_other_model(lake) -> None:
    bad, good = spec_of("bad"), spec_of("good")
    for spec in (bad, good):
        filled(lake, spec)
    lake[1].put(layout.ledger_entry(layout.ledger("bad"), 1), b"{")
    lake[1].delete(layout.ledger_head(layout.ledger("bad")))
    words = {entry.spec.name: entry.row.word for entry in read_index([good, bad], lake[0]) if entry.row}
    assert words == {"bad": "unreadable", "good": "well"}


# The index


def test_the_index_begins_with_what_needs_a_person(lake) -> None:
    well, drifted, refused, empty = (spec_of(name) for name in ("a_well", "drifted", "refused", "b_empty"))
    filled(lake, well)
    filled(lake, drifted, drifted=2)
    filled(lake, refused).checked("2024-01-13")
    entries = read_index([well, drifted, refused, empty], lake[0])
    assert [entry.spec.name for entry in entries] == ["refused", "drifted", "b_empty", "a_well"]
    assert "2 of 4 models want a look" in html.index_page(entries, [], LINKS)


def test_an_index_of_a_hundred_models_takes_few_requests(lake) -> None:
    stores, objects = lake
    specs = [spec_of(f"model_{number:03}") for number in range(100)]
    for spec in specs:
        ShownModel(spec, objects).night(NIGHTS[0], ratio=0.5)
    for _ in range(12):
        entries = read_index(specs, stores)
    assert all(entry.row for entry in entries)
    objects.requests.clear()
    read_index(specs, stores)
    assert objects.requests.total() <= MOST_REQUESTS


def _retracted(model: ShownModel, stores: Stores) -> None:
    key = model.spec.key("predictions", NIGHTS[-1])
    stores.lake.objects.put(layout.manifest(key), b"{}")


CHANGES = {
    "a new night": lambda model, stores: model.night("2024-01-13", ratio=0.5),
    "a night made anew": lambda model, stores: model.night(NIGHTS[-1], version="2", ratio=2.0),
    "a refused night": lambda model, stores: model.checked("2024-01-13"),
    "another champion": lambda model, stores: promote(stores, model.spec.name, "2", NIGHTS[-1]),
    "a damaged night": _retracted,
}


@pytest.mark.parametrize("kind", CHANGES)
def test_the_index_sees_what_happened_since_its_row_was_written(lake, kind: str) -> None:
    spec = spec_of()
    model = filled(lake, spec)
    (before,) = read_index([spec], lake[0])
    (same,) = read_index([spec], lake[0])
    CHANGES[kind](model, lake[0])
    (after,) = read_index([spec], lake[0])
    assert before.row == same.row
    assert after.row != before.row


def test_a_night_that_was_taken_back_has_its_row_made_anew_once(lake) -> None:
    stores, objects = lake
    spec = spec_of()
    predictions = filled(lake, spec).night(NIGHTS[-1], ratio=0.5)
    read_index([spec], stores)
    taken_back = predictions.model_copy(update={"retracted": Retraction(by="ana", why="wrong rows")})
    objects.put_record(layout.manifest(predictions.key), taken_back)
    (after,) = read_index([spec], stores)
    assert after.row.headline == f"{NIGHTS[-1]} was taken back"
    objects.requests.clear()
    (again,) = read_index([spec], stores)
    assert again.row == after.row
    assert objects.requests["put"] <= 1
    objects.requests.clear()
    read_index([spec], stores)
    assert objects.requests["put"] == 0


@pytest.mark.parametrize("body", [b"{", b'{"format": 99}', b'{"format": 1}'])
def test_rows_that_are_damaged_or_of_a_later_version_are_made_anew(lake, body: bytes) -> None:
    spec = spec_of()
    filled(lake, spec)
    (right,) = read_index([spec], lake[0])
    for key in (layout.summary(spec.name), layout.page_index()):
        lake[1].put(key, body)
    (again,) = read_index([spec], lake[0])
    assert again.row == right.row


def test_each_load_looks_at_others_in_turn(monkeypatch) -> None:
    specs = [spec_of(f"model_{number}") for number in range(10)]
    seen = set()
    for second in range(10):
        monkeypatch.setattr(concurrency.time, "monotonic", lambda second=second: second)
        turn = concurrency.in_turn(specs, 3)
        assert len({spec.name for spec in turn}) == 3
        seen |= {spec.name for spec in turn}
    assert seen == {spec.name for spec in specs}


# Markup


class Tags(HTMLParser):
    """The tags of a page, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.events: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.events += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in {"href", "src"}]


def test_no_text_of_data_is_markup(lake, monkeypatch) -> None:
    stores, _ = lake
    spec = spec_of(drift={"planned": [{"from": NIGHTS[1], "why": MARKUP}]})
    model = filled(lake, spec, drifted=3)
    model.night(NIGHTS[1], ratio=0.5, planned=MARKUP, version=MARKUP)
    promote(stores, spec.name, "2", NIGHTS[5], MARKUP)
    (alarm,) = look_at(spec, stores, requests=1000).alarms
    acknowledge(stores, spec, alarm.episode, MARKUP)
    look = look_at(spec, stores, requests=1000)
    entries = read_index([spec], stores)
    pages = [page_of(look), html.index_page(entries, [MARKUP], LINKS), html.message_page(MARKUP, MARKUP)]
    for page in pages:
        tags = Tags(page)
        assert tags.tags.isdisjoint({"script", "img", "iframe", "object", "link", "form"})
        assert tags.events == []
        assert "&lt;script&gt;" in page
        assert "default-src 'none'" in page


# Files


def test_pages_as_files_lead_to_one_another_and_nowhere_else(lake, tmp_path: Path) -> None:
    specs = [spec_of("orders"), spec_of("returns")]
    for spec in specs:
        filled(lake, spec, drifted=2)
    written = report(specs, tmp_path, lake[0])
    pages = sorted(tmp_path.rglob("*.html"))
    assert (written.pages, written.reports) == (7, 48)
    assert len(pages) == 55
    for page in pages:
        tags = Tags(page.read_text())
        assert "script" not in tags.tags
        for link in tags.links:
            assert (page.parent / link).is_file() or link.startswith("http"), f"{page}: {link}"
    assert "Content-Security-Policy" in (tmp_path / "orders" / f"{NIGHTS[0]}-report.html").read_text()


def test_what_lies_in_the_lake_runs_in_no_file_wherever_its_head_is(lake, tmp_path: Path) -> None:
    spec = spec_of()
    filled(lake, spec)
    page = f"<html>{MARKUP}<head></head></html>".encode()
    lake[1].put(layout.drift_report(spec.key("monitoring", NIGHTS[0])), page)
    lake[1].put(layout.data_docs(spec.key("monitoring", NIGHTS[0])), page)
    report([spec], tmp_path, lake[0])
    for kind in ("report", "checks"):
        written = (tmp_path / "orders" / f"{NIGHTS[0]}-{kind}.html").read_text()
        assert 0 < written.index("Content-Security-Policy") < written.index("<script>")


def test_a_page_as_a_file_links_to_nothing_that_was_not_written() -> None:
    links = FileLinks("../", {"orders/index.html"})
    assert links.model("orders") == "../orders/index.html"
    assert (links.model("orders", before="2024-01-01"), links.report("orders", "2024-01-01")) == ("", "")


def test_an_index_without_models_says_so() -> None:
    assert "There is no model that you may read" in html.index_page([], [], LINKS)
    assert "not read yet: reload" in html.index_page([IndexEntry(spec_of(), None)], [], LINKS)
