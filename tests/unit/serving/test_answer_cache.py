"""Answers that are kept: the same bytes, of the version that answers, and no more of them than allowed."""

from collections.abc import Callable
from typing import Any

import pytest

from nightshift.serving.access.rules import AccessRules
from nightshift.serving.answer_cache import AnswerCache
from nightshift.serving.exchange import Exchange, Reply
from nightshift.serving.version import ServedVersion
from tests.unit.serving.conftest import Site
from tests.unit.serving.test_bounds import figures

MakeSite = Callable[..., Site]


def asked(here: Site, rows: int = 1, path: str = "/score") -> Any:
    return here.client.post(path, json={"rows": here.rows(rows)})


def counted(here: Site) -> tuple[float, float]:
    known = figures(here)
    return known["nightshift_serve_cache_hits_total",], known["nightshift_serve_cache_misses_total",]


def test_a_body_that_comes_again_gets_the_same_bytes(site: MakeSite) -> None:
    here = site(cache_bytes=100_000)
    first = asked(here)
    second = asked(here)
    assert (first.content, first.status_code) == (second.content, 200)
    assert second.headers["nightshift-sha256"] == first.headers["nightshift-sha256"]
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert asked(here, 2).json()["predictions"][0] == first.json()["predictions"][0]
    assert counted(here) == (1, 2)


def test_the_two_languages_are_kept_apart(site: MakeSite) -> None:
    """A body that both read has another answer by each."""
    here = site(cache_bytes=100_000)
    body = {"rows": here.rows(1), "inputs": here.tensors(1)}
    by_name = here.client.post("/score", json=body).json()
    by_tensor = here.client.post(f"/v2/models/{here.spec.name}/infer", json=body).json()
    assert ("predictions" in by_name, "outputs" in by_tensor) == (True, True)


def test_what_was_refused_is_not_kept(site: MakeSite) -> None:
    here = site(cache_bytes=100_000)
    for _ in range(2):
        assert here.client.post("/score", json={"rows": []}).status_code == 400
    assert counted(here) == (0, 2)


def test_after_a_swap_the_other_version_answers(site: MakeSite, served: Callable[..., Any]) -> None:
    here = site(cache_bytes=100_000)
    here.champions.versions["2"], _ = served("binary", "logistic_regression", number="2")
    seen = []
    for champion in ("1", "2", "1"):
        here.champions.champion = champion
        here.stand.look()
        answers = [asked(here).json() for _ in range(2)]
        assert answers[0] == answers[1]
        seen.append((answers[0]["version"], answers[0]["sha256"], answers[0]["predictions"][0]["score"]))
    assert [version for version, _, _ in seen] == ["1", "2", "1"]
    assert seen[0] == seen[2] != seen[1]


def test_a_version_that_is_withdrawn_answers_nothing_that_is_kept(site: MakeSite) -> None:
    from nightshift.errors import NoChampion

    here = site(cache_bytes=100_000)
    assert asked(here).status_code == 200
    here.champions.champion = NoChampion("no champion left")
    here.stand.look()
    assert asked(here).status_code == 503


def test_the_same_version_opened_again_begins_with_nothing(site: MakeSite, served: Callable[..., Any]) -> None:
    """model.yaml may have changed in between, and with it what a score means."""
    version, _ = served("binary")
    again = ServedVersion(version.spec, version.pin, version.graph, version.feeds, version.label, version.agreement)
    cache = AnswerCache(10_000)
    exchange = _exchange()
    cache.keep(version, exchange, b"body", Reply(b"answer", version=version))
    assert cache.find(version, exchange, b"body") is not None
    assert cache.find(again, exchange, b"body") is None
    cache.keep(again, exchange, b"other", Reply(b"answer", version=again))
    assert cache.find(again, exchange, b"body") is None


def _exchange() -> Exchange:
    async def receive() -> Any:
        raise AssertionError("nobody asks")

    return Exchange(receive, {}, "seven", route="score")


def test_no_more_bytes_are_kept_than_allowed(served: Callable[..., Any]) -> None:
    version, _ = served("binary")
    cache = AnswerCache(10_000)
    exchange = _exchange()
    for number in range(100):
        cache.keep(version, exchange, b"%050d" % number, Reply(b"x" * 750, version=version))
    assert cache._known.currsize == 10_000
    assert cache.find(version, exchange, b"%050d" % 99) is not None
    assert cache.find(version, exchange, b"%050d" % 0) is None
    cache.keep(version, exchange, b"large", Reply(b"x" * 10_000, version=version))
    assert cache.find(version, exchange, b"large") is None
    assert cache.find(version, exchange, b"%050d" % 99) is not None


def test_rows_of_a_kept_answer_count_for_their_caller(site: MakeSite) -> None:
    rules = AccessRules.model_validate({"format": 1, "limits": {"rows_per_minute": 5}})
    here = site(cache_bytes=100_000, access=rules)
    assert [asked(here, 2).status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize("rows", [40, 400])
def test_large_requests_are_kept_too(site: MakeSite, rows: int) -> None:
    here = site(cache_bytes=1_000_000)
    many = {"rows": here.rows(40) * (rows // 40)}
    first, second = (here.client.post("/score", json=many) for _ in range(2))
    assert (first.status_code, first.content) == (200, second.content)
    assert counted(here) == (1, 1)
