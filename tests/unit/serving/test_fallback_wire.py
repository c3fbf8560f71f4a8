"""The last night's score stands in by both doors, in the form that a caller wants, and says there what it is."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from nightshift.errors import ModelError
from nightshift.serving import by_grpc
from nightshift.serving import fallback as fallback_module
from nightshift.serving.beside import BesideAnswers
from nightshift.serving.fallback import Fallback
from tests.unit.serving.conftest import Site
from tests.unit.serving.grpc_site import Listening, asked_of, whole
from tests.unit.serving.test_binary import bits
from tests.unit.serving.test_bounds import figures
from tests.unit.serving.test_fallback import KEYED, NIGHT, KnownNights, published_night
from tests.unit.serving.wire_forms import FORMS, GRPC_FORMS, REST_FORMS, ask, both_doors, by_rest

MakeSite = Callable[..., Site]
SCORED = "nightshift.serving.version.ServedVersion.published_of"


@pytest.fixture
def nights(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> KnownNights:
    here = site()
    monkeypatch.setattr(fallback_module, "age_in_days", lambda *_: 1)
    return KnownNights(here.spec, published_night(here.spec, here.table.slice(0, KEYED)))


@pytest.fixture
def fallback(site: MakeSite, nights: KnownNights) -> Iterator[Fallback]:
    made = Fallback(site().spec, nights, 7)  # type: ignore[arg-type]
    made.refresh()
    yield made
    made.close()


@pytest.fixture
def server(site: MakeSite, fallback: Fallback, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    """One with a fallback, of which scoring breaks off."""

    def fail(*_: object) -> None:
        raise ModelError("the graph gives nothing")

    monkeypatch.setattr(SCORED, fail)
    with both_doors(site(), BesideAnswers(None, fallback)) as listening:
        yield listening


def expected_scores(nights: KnownNights, tensors: list[dict[str, Any]], keys: tuple[str, ...]) -> list[bytes]:
    """Of the keys that these tensors have, the night's, by their bits."""
    of_key = zip(*(nights.rows[name].to_pylist() for name in (*keys, "score")), strict=True)
    known = {tuple(key): bits(score) for *key, score in of_key}
    sent = {tensor["name"]: tensor["data"] for tensor in tensors}
    return [known[key] for key in zip(*(sent[name] for name in keys), strict=True)]


def test_the_night_s_score_comes_in_the_form_that_was_asked_for_and_says_what_it_is(
    server: Listening, nights: KnownNights
) -> None:
    here = server.here
    tensors = whole(here, 3, with_keys=True)[::-1]
    wanted = {form: is_wanted for form, (_, is_wanted) in REST_FORMS.items()} | GRPC_FORMS
    for form in FORMS:
        heard = ask(server, form, tensors)
        assert heard.parameters == {"sha256": "77" * 32, "fallback": True, "night": NIGHT}, form
        assert (heard.headers["nightshift-fallback"], heard.headers["nightshift-version"]) == (NIGHT, "7"), form
        assert heard.is_binary == wanted[form], form
        scores = [np.float32(score).tobytes() for score in heard.outputs["score"]]
        assert scores == expected_scores(nights, tensors, here.spec.keys), form
    told = figures(here)
    assert (told["nightshift_serve_fallback_rows_total",], told["nightshift_serve_rows_total",]) == (18, 0)


def test_of_the_outputs_those_come_that_were_asked_for(server: Listening) -> None:
    for form in FORMS:
        heard = ask(server, form, whole(server.here, 2, with_keys=True), outputs=["prediction"])
        assert (heard.outputs.keys(), heard.parameters["fallback"]) == ({"prediction"}, True), form


@pytest.mark.parametrize("why", ["no key", "withdrawn", "too old"])
def test_else_the_error_is_what_it_was_by_both_doors(
    server: Listening, nights: KnownNights, fallback: Fallback, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = server.here
    tensors = whole(here, 2, with_keys=why != "no key")
    if why == "withdrawn":
        nights.withdrawn["7"] = 3
        fallback.refresh()
    if why == "too old":
        monkeypatch.setattr(fallback_module, "age_in_days", lambda *_: 8)
    for form in REST_FORMS:
        answer = by_rest(here, form, tensors)
        assert (answer.status_code, answer.json()) == (500, {"error": "the graph gives nothing"}), form
    for is_raw in GRPC_FORMS.values():
        with pytest.raises(grpc.RpcError, match="the graph gives nothing") as error:
            server.ask("ModelInfer", asked_of(tensors, here.spec.name, is_raw=is_raw))
        said = {entry.key: entry.value for entry in error.value.trailing_metadata()}
        assert (error.value.code(), said["nightshift-version"]) == (grpc.StatusCode.INTERNAL, "1")
        assert "nightshift-fallback" not in said


def test_a_call_that_is_wrong_is_told_so_and_one_that_takes_too_long_gets_the_night_s(
    site: MakeSite, fallback: Fallback, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    tensors = whole(here, 2, with_keys=True)

    def slow(*_: object) -> None:
        time.sleep(0.4)

    with both_doors(here, BesideAnswers(None, fallback), timeout=0.1) as server:
        unknown = [*tensors, {**tensors[0], "name": "colour"}]
        assert server.refused(asked_of(unknown, here.spec.name))[0] == "INVALID_ARGUMENT"
        assert "fallback" not in ask(server, "gRPC", tensors).parameters
        monkeypatch.setattr(by_grpc, "LARGE_ROWS", 0)
        monkeypatch.setattr(by_grpc, "infer", slow)
        assert ask(server, "gRPC", tensors).parameters["fallback"] is True
