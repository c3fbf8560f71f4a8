"""Once: whatever runs twice, at once, or dies, a cause is told once, and its end once."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from nightshift import concurrency
from nightshift.alerts import clock, incident, teller
from nightshift.alerts.alert import Cause
from nightshift.alerts.book import Book
from nightshift.alerts.desk import Desk
from nightshift.alerts.incident import Hit, Incident
from nightshift.alerts.shelves import DiskShelf, LakeShelf
from nightshift.alerts.teller import healed_by
from nightshift.stores import alert_keys
from nightshift.stores.seals import Seals
from tests.careless import answer
from tests.receivers import HANGS
from tests.unit.alerts.conftest import SEAL_KEY

CAUSE = Cause("outage", "outage-source-abc", "the database does not answer", "SourceUnavailable: no", "wait")
FIRST, SECOND = "2024-03-01", "2024-03-02"


def hit_of(model="a", night=FIRST):
    return Hit(model, "shop", "ingest.ingest", (night,))


def wanted(hit):
    return Incident(number=1, cause=CAUSE, severity="page", hits=(hit,), lake="s3://lake")


@pytest.fixture(params=["lake", "disk"])
def book(request, world, tmp_path):
    shelf = LakeShelf(world("a").lake.objects) if request.param == "lake" else DiskShelf(tmp_path / "alerts")
    return Book(shelf, Seals((SEAL_KEY,)))


def test_of_many_at_once_one_opens_it_and_the_others_join(book):
    models = [f"m{number}" for number in range(8)]

    def meet(model):
        return book.opened(wanted(hit_of(model)), hit_of(model)).number

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(meet, models)) == {1}
    (one,) = book.all_marked()
    assert sorted(hit.model for hit in one.hits) == models


def test_after_its_end_the_same_cause_is_another_incident(book):
    first = book.opened(wanted(hit_of()), hit_of())
    book.changed(first, healed_by("a", {"ingest.ingest"}, SECOND))
    second = book.opened(wanted(hit_of(night=SECOND)), hit_of(night=SECOND))
    assert (first.number, second.number) == (1, 2)
    assert first.id != second.id


def test_a_second_outage_in_the_same_night_is_no_message_seen_before(book):
    first = book.opened(wanted(hit_of()), hit_of())
    book.changed(first, healed_by("a", {"ingest.ingest"}, SECOND))
    # All was told of it: it leaves the list, and a disk lets it go.
    book.close(first)
    assert book.all_marked() == []
    second = book.opened(wanted(hit_of()), hit_of())
    assert first.alert("opened").send_id != second.alert("opened").send_id


def test_what_nobody_with_the_key_wrote_silences_nobody(book, caplog):
    stranger = Book(book._shelf, Seals(("another key of more than thirty-two characters",)))
    stranger.opened(wanted(hit_of()), hit_of())
    incident = book.opened(wanted(hit_of()), hit_of())
    assert incident.number == 2
    assert [each.number for each in book.all_marked()] == [2]
    assert "is not sealed by a key of ours" in caplog.text


@pytest.fixture
def desk(world):
    return Desk(world("a", "b"))


def test_whatever_is_told_twice_is_heard_once(desk, oncall):
    for _ in range(3):
        desk.open(wanted(hit_of()), hit_of())
        desk.open(wanted(hit_of("b")), hit_of("b"))
    desk.look(lambda seen: seen)
    assert [said["event"] for said in oncall.said] == ["opened"]
    heal = healed_by("a", {"ingest.ingest"}, SECOND)
    desk.look(heal)
    # Another is not well yet.
    assert len(oncall.said) == 1
    for _ in range(3):
        desk.look(healed_by("b", {"ingest.ingest"}, SECOND))
    assert [said["event"] for said in oncall.said] == ["opened", "recovered"]
    opened, recovered = oncall.said
    assert opened["id"] == recovered["id"]
    assert recovered["models"] == ["a", "b"]
    assert desk.all_open() == []


def test_a_channel_that_failed_gets_it_at_the_next_chance_and_who_had_it_does_not(desk, oncall, monkeypatch):
    oncall.status = 500
    desk.open(wanted(hit_of()), hit_of())
    oncall.status = 204
    desk.look(lambda seen: seen)
    # Not at once: a channel that is down would hold up every task.
    assert len(oncall.bodies) == 1
    monkeypatch.setattr(clock, "RETRY_AFTER", clock.dt.timedelta())
    desk.look(lambda seen: seen)
    desk.look(lambda seen: seen)
    assert len(oncall.bodies) == 2
    assert len({said["send_id"] for said in oncall.said}) == 1


def test_a_process_that_died_between_sending_and_noting_it_down_has_it_sent_again_under_the_same_id(
    desk, oncall, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Incident, "told", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        for book in ("_in_lake", "_on_disk"):
            _ = getattr(desk, book)
        with pytest.raises(KeyboardInterrupt):
            desk.open(wanted(hit_of()), hit_of())
    desk.look(lambda seen: seen)
    assert len(oncall.bodies) == 1
    monkeypatch.setattr(clock, "RETRY_AFTER", clock.dt.timedelta())
    desk.look(lambda seen: seen)
    desk.look(lambda seen: seen)
    assert len(oncall.bodies) == 2
    assert oncall.bodies[0] == oncall.bodies[1]
    assert {headers["Idempotency-Key"] for headers in oncall.headers} == {f"{CAUSE.key}-{FIRST}-1/opened"}


def test_a_channel_that_never_works_is_given_up_and_the_end_goes_to_who_heard_of_it(desk, oncall, monkeypatch):
    monkeypatch.setattr(clock, "RETRY_AFTER", clock.dt.timedelta())
    oncall.status = 500
    desk.open(wanted(hit_of()), hit_of())
    for _ in range(incident.MOST_TRIES + 3):
        desk.look(lambda seen: seen)
    assert len(oncall.bodies) == incident.MOST_TRIES
    oncall.status = 204
    desk.look(healed_by("a", {"ingest.ingest"}, SECOND))
    assert len(oncall.bodies) == incident.MOST_TRIES
    assert desk.all_open() == []


def test_a_channel_that_hangs_holds_nobody_up(desk, oncall, monkeypatch):
    monkeypatch.setattr("nightshift.alerts.teller.send_to_all", lambda channels, alert: _quickly(channels, alert))
    oncall.status = HANGS
    told = desk.open(wanted(hit_of()), hit_of())
    (delivery,) = told.deliveries.values()
    assert delivery.state == "it did not answer in 0 seconds"


def test_a_lake_that_goes_away_after_an_alert_was_sent_has_it_sent_no_second_time(desk, oncall, store, monkeypatch):
    send = teller.send_to_all

    def send_and_lose_the_lake(channels, alert):
        outcomes = send(channels, alert)
        store.hand = lambda environ, start, _: answer(environ, start, "403 Forbidden", "Gone")
        return outcomes

    monkeypatch.setattr(teller, "send_to_all", send_and_lose_the_lake)
    desk.open(wanted(hit_of()), hit_of())
    assert [said["event"] for said in oncall.said] == ["opened"]


def test_an_incident_of_a_later_version_hides_no_other(book, caplog):
    later = Cause("outage", "outage-mlflow", "MLflow does not answer", "", "wait")
    for cause in (CAUSE, later):
        book.opened(wanted(hit_of()).model_copy(update={"cause": cause}), hit_of())
    body, tag = book._shelf.get((later.key, 1))
    book._shelf.put((later.key, 1), json.dumps({**json.loads(body), "format": 99}).encode(), tag)
    assert [each.cause.key for each in book.all_marked()] == [CAUSE.key]
    assert "install the version of Nightshift that wrote it" in caplog.text


def test_of_more_incidents_than_a_look_takes_each_has_its_turn(book, monkeypatch):
    monkeypatch.setattr("nightshift.alerts.book.MOST_AT_ONCE", 2)
    keys = {f"failed-m{number}-predict" for number in range(5)}
    for key in keys:
        cause = Cause("failed", key, "it failed", "", "wait")
        book.opened(wanted(hit_of()).model_copy(update={"cause": cause}), hit_of())
    seen = set()
    for second in range(5):
        monkeypatch.setattr(concurrency.time, "monotonic", lambda second=second: second)
        looked_at = book.all_marked()
        assert len(looked_at) == 2
        seen |= {each.cause.key for each in looked_at}
    assert seen == keys


def test_no_channel_is_opened_where_nothing_is_to_be_said(desk, monkeypatch):
    monkeypatch.setattr("nightshift.alerts.desk.open_channels", lambda *_: pytest.fail("opened a channel"))
    desk.look(lambda seen: seen)


def _quickly(channels, alert):
    from nightshift.alerts.sending import send_to_all

    return send_to_all(channels, alert, seconds=0.2)


def test_a_house_where_all_is_well_costs_one_listing_a_task(desk, monkeypatch):
    asked = []
    objects = type(desk._in_lake.book._shelf._objects)
    keys = objects.keys
    monkeypatch.setattr(objects, "keys", lambda self, prefix: asked.append(prefix) or keys(self, prefix))
    monkeypatch.setattr(objects, "get", lambda *_: pytest.fail("asked for an object"))
    desk.look(lambda seen: seen)
    assert asked == [alert_keys.OPEN_INCIDENTS]
