"""Requests that are scored together: each gets its own rows, with the bits that they have alone, by one version."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from nightshift.errors import ModelError
from nightshift.scoring.bits import BitsAgreement, bits_agree
from nightshift.serving.batches import Batches
from nightshift.serving.version import ServedVersion
from tests.unit.serving.conftest import Site
from tests.unit.serving.test_answers import KINDS, same

MakeSite = Callable[..., Site]
Calls = list[int]


@pytest.fixture
def batching(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Site, Calls]]:
    """``batching("binary", batch_rows=8)``: a server whose bits were tried at all sizes, and the rows of its calls."""

    def make(kind: str = "binary", trainer: str = "hist_gradient_boosting", **options: Any) -> tuple[Site, Calls]:
        here = site(kind, trainer, **{"batch_rows": 8, "batch_ms": 50.0, **options})
        tried(here, bits_agree(here.stand.version.graph, here.table) if here.stand.version else None)
        assert here.stand.version is not None
        calls: Calls = []
        graph = here.stand.version.graph
        score_fed = graph.score_fed

        def seen(inputs: Any, rows: int) -> Any:
            calls.append(rows)
            return score_fed(inputs, rows)

        monkeypatch.setattr(graph, "score_fed", seen)
        return here, calls

    return make


def tried(here: Site, agreement: BitsAgreement | None) -> None:
    """What was tried of the version that answers."""
    version = here.stand.version
    assert version is not None
    here.stand.version = replace(version, agreement=agreement)


def at_once(here: Site, bodies: list[Any], path: str = "/score") -> list[httpx.Response]:
    """The answers to requests that come together."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(here.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await asyncio.gather(*(client.post(path, json=body) for body in bodies))

    return asyncio.run(ask())


@pytest.mark.parametrize(("kind", "trainer"), KINDS)
def test_each_caller_gets_their_rows_with_the_bits_of_the_night(
    batching: Callable[..., tuple[Site, Calls]], kind: str, trainer: str
) -> None:
    here, calls = batching(kind, trainer, batch_rows=64)
    expected = here.published()
    firsts = [0, 3, 10, 11, 40]
    counts = [3, 1, 1, 20, 2]
    bodies = [{"rows": here.rows(count, first)} for first, count in zip(firsts, counts, strict=True)]
    calls.clear()
    answers = at_once(here, bodies)
    assert calls == [sum(counts)]
    for answer, first, count in zip(answers, firsts, counts, strict=True):
        predictions = answer.json()["predictions"]
        assert len(predictions) == count
        for place, prediction in enumerate(predictions, start=first):
            assert all(same(prediction[name], expected[name][place]) for name in expected)


def test_tensors_and_rows_share_a_call(batching: Callable[..., tuple[Site, Calls]]) -> None:
    here, calls = batching()
    model = here.spec.name

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(here.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            by_tensor = client.post(f"/v2/models/{model}/infer", json={"inputs": tensors})
            return await asyncio.gather(client.post("/score", json={"rows": here.rows(2)}), by_tensor)

    tensors = here.tensors(3)
    calls.clear()
    by_name, by_tensor = asyncio.run(ask())
    assert calls == [5]
    expected = here.published()["score"]
    assert [row["score"] for row in by_name.json()["predictions"]] == pytest.approx(expected[:2])
    scores = {tensor["name"]: tensor for tensor in by_tensor.json()["outputs"]}["score"]
    assert scores["data"] == pytest.approx(expected[:3])


def test_a_call_has_no_more_rows_than_allowed_and_begins_when_it_is_full(
    batching: Callable[..., tuple[Site, Calls]],
) -> None:
    here, calls = batching(batch_rows=4)
    version = here.stand.version
    assert version is not None
    batches = Batches(4, seconds=600)

    async def ask() -> None:
        answers = [batches.answer(version, columns_of(here, place), 1) for place in range(8)]
        await asyncio.wait_for(asyncio.gather(*answers), 60)

    asyncio.run(ask())
    assert calls == [4, 4]
    calls.clear()
    at_once(here, [{"rows": here.rows(count)} for count in (3, 2, 4, 1)])
    assert (sum(calls), max(calls)) == (10, 4)


def test_a_lone_request_waits_no_longer_than_it_may(batching: Callable[..., tuple[Site, Calls]]) -> None:
    here, calls = batching(batch_ms=30.0)
    (answer,) = at_once(here, [{"rows": here.rows(1)}])
    assert (answer.status_code, calls) == (200, [1])


@pytest.mark.parametrize("value", ["heavy", [1], 10**400])
def test_a_row_that_is_wrong_fails_its_own_caller_alone(
    batching: Callable[..., tuple[Site, Calls]], value: Any
) -> None:
    here, calls = batching()
    numeric = next(name for name in here.spec.features if here.spec.columns[name].numeric)
    bodies = [{"rows": here.rows(1)}, {"rows": [here.rows(1)[0] | {numeric: value}]}, {"rows": here.rows(2)}]
    answers = at_once(here, bodies)
    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert calls == [3]


def test_a_row_without_a_score_fails_its_own_caller_alone(
    batching: Callable[..., tuple[Site, Calls]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph says no to the whole call: then each is asked by itself."""
    here, _ = batching()
    assert here.stand.version is not None
    graph = here.stand.version.graph
    score_fed = graph.score_fed
    poison = score_fed(here.stand.version.feeds(columns_of(here, 5), 1), 1)[0]

    def refuses(inputs: Any, rows: int) -> Any:
        scores = score_fed(inputs, rows)
        if np.any(scores == poison):
            raise ModelError("a score that cannot be")
        return scores

    monkeypatch.setattr(graph, "score_fed", refuses)
    answers = at_once(here, [{"rows": here.rows(1, place)} for place in (0, 1, 5)])
    assert [answer.status_code for answer in answers] == [200, 200, 500]
    assert "a score that cannot be" in answers[2].json()["error"]


def columns_of(here: Site, place: int) -> dict[str, list[Any]]:
    (row,) = here.rows(1, place)
    return {name: [value] for name, value in row.items()}


@pytest.mark.parametrize(
    "agreement",
    [None, BitsAgreement(9, (1, 2), {}, {2: 1}), BitsAgreement(1, (1,), {}, {}), BitsAgreement(0, (), {}, {})],
)
def test_a_version_whose_bits_were_not_tried_at_these_sizes_is_asked_as_without(
    batching: Callable[..., tuple[Site, Calls]], agreement: BitsAgreement | None
) -> None:
    here, calls = batching()
    tried(here, agreement)
    answers = at_once(here, [{"rows": here.rows(1)}] * 3)
    assert ({answer.status_code for answer in answers}, calls) == ({200}, [1, 1, 1])


def test_no_call_has_more_rows_than_sizes_were_tried(batching: Callable[..., tuple[Site, Calls]]) -> None:
    here, calls = batching(batch_rows=64)
    tried(here, BitsAgreement(9, (1, 2, 3), {}, {}))
    at_once(here, [{"rows": here.rows(1)}] * 7)
    assert max(calls) == 3


def test_requests_on_both_sides_of_a_swap_are_not_scored_together(
    batching: Callable[..., tuple[Site, Calls]], served: Callable[..., tuple[ServedVersion, Any]]
) -> None:
    here, _ = batching()
    other, rows = served("binary", "logistic_regression", number="2")
    here.champions.versions["2"] = replace(other, agreement=bits_agree(other.graph, rows))

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(here.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            early = [asyncio.ensure_future(client.post("/score", json={"rows": here.rows(1)})) for _ in range(2)]
            await asyncio.sleep(0.01)
            here.champions.champion = "2"
            here.stand.look()
            late = [asyncio.ensure_future(client.post("/score", json={"rows": here.rows(1)})) for _ in range(2)]
            return await asyncio.gather(*early, *late)

    answers = [answer.json() for answer in asyncio.run(ask())]
    assert [answer["version"] for answer in answers] == ["1", "1", "2", "2"]
    for answer in answers:
        expected = here.published(answer["version"])["score"][0]
        assert same(answer["predictions"][0]["score"], expected)


def test_a_caller_who_goes_away_takes_nobody_along(batching: Callable[..., tuple[Site, Calls]]) -> None:
    here, calls = batching(batch_ms=50.0)

    async def ask() -> int:
        transport = httpx.ASGITransport(here.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            gone = asyncio.ensure_future(client.post("/score", json={"rows": here.rows(2)}))
            stays = asyncio.ensure_future(client.post("/score", json={"rows": here.rows(1)}))
            await asyncio.sleep(0.01)
            gone.cancel()
            return (await stays).status_code

    assert asyncio.run(ask()) == 200
    assert calls == [1]


def test_figures_say_how_many_requests_share_a_call(batching: Callable[..., tuple[Site, Calls]]) -> None:
    here, _ = batching(batch_rows=4)
    at_once(here, [{"rows": here.rows(1)}] * 4)
    text = here.client.get("/metrics").text
    assert "nightshift_serve_batches_total 1.0" in text
    assert "nightshift_serve_batched_requests_total 4.0" in text
