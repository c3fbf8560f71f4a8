"""What is bounded, and how a server stands: bytes, rows, time, requests under way, ready or not."""

import asyncio
import datetime as dt
import io
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nightshift.errors import LakeUnavailable, NoChampion, UnsafeGraph
from nightshift.logs import JsonLines
from nightshift.serving import routes
from nightshift.serving.gate import Gate
from nightshift.serving.options import ServeOptions
from tests.unit.serving.conftest import Site

MakeSite = Callable[..., Site]


def figures(here: Site) -> dict[tuple[str, ...], float]:
    """The figures by their name and labels, these in the order of their names."""
    text = here.client.get("/metrics").text
    known = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            known[(sample.name, *(sample.labels[name] for name in sorted(sample.labels)))] = sample.value
    return known


def test_a_body_that_is_too_large_is_refused_whether_it_says_so_or_not(site: MakeSite) -> None:
    here = site(max_body=1_000)
    body = json.dumps({"rows": here.rows(60)}).encode()
    for content in (body, iter([body])):
        found = here.client.post("/score", content=content)
        assert (found.status_code, found.json()["error"][:31]) == (413, "the body has more than 1,000 by")


def test_more_rows_than_allowed_are_refused(site: MakeSite) -> None:
    here = site(max_rows=3)
    assert here.client.post("/score", json={"rows": here.rows(3)}).status_code == 200
    for path, request in (
        ("/score", {"rows": here.rows(4)}),
        (f"/v2/models/{here.spec.name}/infer", {"inputs": here.tensors(4)}),
    ):
        found = here.client.post(path, json=request)
        assert (found.status_code, found.json()["error"]) == (
            413, "the request has 4 rows, and may have 3: send them in several"
        )  # fmt: skip


def test_no_more_requests_are_under_way_than_allowed_and_health_is_asked_all_the_same(site: MakeSite) -> None:
    here = site(concurrency=2)

    async def crowd() -> list[int]:
        gone = asyncio.Event()

        async def slow_body() -> Any:
            yield b"{"
            await gone.wait()
            yield b"}"

        transport = httpx.ASGITransport(here.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            held = [asyncio.ensure_future(client.post("/score", content=slow_body())) for _ in range(2)]
            await asyncio.sleep(0.1)
            refused = await client.post("/score", json={})
            assert refused.headers["retry-after"] == "1"
            ready = await client.get("/v2/health/ready")
            gone.set()
            answers = await asyncio.gather(*held)
        return [refused.status_code, ready.status_code, *(answer.status_code for answer in answers)]

    assert asyncio.run(crowd()) == [503, 200, 400, 400]
    assert here.client.post("/score", json={"rows": here.rows(1)}).status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(site: MakeSite) -> None:
    here = site(timeout=0.1)

    async def never() -> Any:
        yield b"{"
        await asyncio.sleep(5)

    async def ask() -> int:
        transport = httpx.ASGITransport(here.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return (await client.post("/score", content=never())).status_code

    assert asyncio.run(ask()) == 408


def test_small_requests_stay_in_the_loop_and_large_ones_leave_it(
    site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    away: list[int] = []
    gate = Gate
    in_thread = gate.in_thread

    async def seen(self: Any, work: Callable[[], Any]) -> Any:
        away.append(1)
        return await in_thread(self, work)

    monkeypatch.setattr(gate, "in_thread", seen)
    for count, threads in ((1, 0), (routes.LARGE_ROWS, 0), (routes.LARGE_ROWS + 1, 1)):
        away.clear()
        found = here.client.post("/score", json={"rows": here.rows(count)})
        assert (found.status_code, len(found.json()["predictions"]), len(away)) == (200, count, threads)


@pytest.mark.parametrize("given", ["a-7.b:c_d", None, "bad id\x00", "x" * 200])
def test_an_answer_has_the_request_s_id_or_one_of_its_own(site: MakeSite, given: str | None) -> None:
    headers = {"x-request-id": given} if given else {}
    found = site().client.get("/v2", headers=headers).headers["x-request-id"]
    assert (found == given) == (given == "a-7.b:c_d")
    assert found


def test_a_request_is_one_line_of_the_log_without_a_value_of_the_row(
    site: MakeSite, caplog: pytest.LogCaptureFixture
) -> None:
    here = site()
    with caplog.at_level(logging.INFO, "nightshift.serving"):
        here.client.post("/score", json={"rows": here.rows(2)}, headers={"x-request-id": "seven"})
        here.client.app.settle()
    (record,) = [each for each in caplog.records if each.name == "nightshift.serving"]
    line = json.loads(JsonLines().format(record))
    assert here.stand.version is not None
    known = {name: line[name] for name in ("request", "route", "status", "rows", "version", "digest", "message")}
    assert known == {
        "request": "seven", "route": "score", "status": 200, "rows": 2, "version": "1",
        "digest": here.stand.version.pin.sha256, "message": "POST /score",
    }  # fmt: skip


def test_where_the_log_is_json_a_request_has_the_same_line(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    monkeypatch.setattr(logging.getLogger("nightshift.serving"), "level", logging.INFO)
    here.client.get("/näher\u2028", headers={"x-request-id": "eight"})
    here.client.post("/score", json={"rows": here.rows(2)}, headers={"x-request-id": "nine"})
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    here.client.app.settle()
    assert stream.getvalue().isascii()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["request"], first["status"], second["request"], second["rows"]) == ("eight", 404, "nine", 2)
    record = logging.LogRecord("nightshift.serving", logging.INFO, __file__, 0, second["message"], (), None)
    vars(record).update(second)
    expected = json.loads(JsonLines().format(record))
    assert list(second) == list(expected)
    assert {**second, "time": ""} == {**expected, "time": ""}
    assert dt.datetime.fromisoformat(second["time"]).utcoffset() == dt.timedelta(0)


def test_figures_count_requests_rows_and_who_answers(site: MakeSite) -> None:
    here = site()
    here.client.post("/score", json={"rows": here.rows(5)})
    here.client.post("/score", json={"rows": []})
    here.client.get("/made/up/by/a/stranger")
    known = figures(here)
    assert known["nightshift_serve_requests_total", "score", "200"] == 1
    assert known["nightshift_serve_requests_total", "score", "400"] == 1
    assert known["nightshift_serve_requests_total", "other", "404"] == 1
    assert known["nightshift_serve_request_seconds_count", "score"] == 2
    assert known["nightshift_serve_rows_total",] == 5
    assert here.stand.version is not None
    assert known["nightshift_serve_version_info", here.spec.name, here.stand.version.pin.sha256, "1"] == 1
    assert known["nightshift_serve_ready",] == 1
    assert 0 <= known["nightshift_serve_ledger_look_age_seconds",] < 60


def test_who_drains_is_not_ready_and_still_answers_and_closes_connections(site: MakeSite) -> None:
    here = site()
    here.stand.is_draining = True
    assert here.client.get("/v2/health/ready").status_code == 503
    assert here.client.get(f"/v2/models/{here.spec.name}/ready").status_code == 503
    assert here.client.get("/v2/health/live").json() == {"live": True}
    found = here.client.post("/score", json={"rows": here.rows(1)})
    assert (found.status_code, found.headers["connection"]) == (200, "close")


def test_a_move_of_the_champion_swaps_who_answers(site: MakeSite, served: Callable[..., Any]) -> None:
    here = site()
    here.champions.versions["2"], _ = served("binary", "logistic_regression", number="2")
    before = here.published("1")["score"][0]
    here.stand.look()
    assert here.client.get("/v2/health/ready").json()["version"] == "1"
    here.champions.champion = "2"
    here.stand.look()
    found = here.client.post("/score", json={"rows": here.rows(1)}).json()
    after = here.published("2")["score"][0]
    assert (found["version"], found["predictions"][0]["score"]) == ("2", pytest.approx(after, abs=1e-7))
    assert before != after
    assert (here.stand.swaps, figures(here)["nightshift_serve_swaps_total",]) == (1, 1)


def test_a_champion_that_cannot_be_opened_leaves_the_one_before(site: MakeSite) -> None:
    here = site()
    here.champions.versions["2"] = UnsafeGraph("the graph is not the pinned one")
    here.champions.champion = "2"
    here.stand.look()
    ready = here.client.get("/v2/health/ready")
    assert (ready.status_code, ready.json()["version"]) == (200, "1")
    assert "version 2 cannot answer: the graph is not the pinned one" in ready.json()["problem"]
    assert here.client.post("/score", json={"rows": here.rows(1)}).json()["version"] == "1"
    assert figures(here)["nightshift_serve_failed_swaps_total",] == 1


def test_a_withdrawn_version_answers_no_more_though_no_other_can(site: MakeSite) -> None:
    here = site()
    here.champions.versions["2"] = UnsafeGraph("the graph is not the pinned one")
    here.champions.champion = "2"
    here.champions.withdrawn = {"1"}
    here.stand.look()
    found = here.client.post("/score", json={"rows": here.rows(1)})
    assert (found.status_code, found.headers["retry-after"]) == (503, "10")
    assert here.client.get("/v2/health/ready").status_code == 503


@pytest.mark.parametrize(
    ("error", "status"), [(LakeUnavailable("S3 does not answer"), 200), (NoChampion("no champion left"), 503)]
)
def test_a_lake_that_is_away_changes_nothing_and_a_ledger_without_a_champion_ends_the_answers(
    site: MakeSite, error: Any, status: int
) -> None:
    here = site()
    here.champions.champion = error
    here.stand.look()
    ready = here.client.get("/v2/health/ready")
    assert (ready.status_code, ready.json()["problem"]) == (status, error.message)
    here.champions.champion = "1"
    here.stand.look()
    assert here.client.get("/v2/health/ready").json()["problem"] == ""


def test_options_refuse_what_they_do_not_know() -> None:
    with pytest.raises(ValueError, match="bit"):
        ServeOptions.model_validate({"bit": "required"})
