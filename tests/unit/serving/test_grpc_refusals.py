"""Who gets no answer by gRPC: a status code and a sentence for each way, and the bounds and rights of REST."""

import logging
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from nightshift.errors import ModelError
from nightshift.serving import by_grpc
from nightshift.serving.access.rules import AccessRules
from nightshift.serving.grpc_messages import SERVICE, message
from tests.unit.serving.conftest import Site
from tests.unit.serving.grpc_site import PATIENCE, asked_of, listening, whole
from tests.unit.serving.signing import AUDIENCE, SECRET, bearer, shared

MakeSite = Callable[..., Site]


def test_what_is_wrong_with_a_request_is_said_with_its_code(site: MakeSite) -> None:
    here = site()
    name = here.spec.name
    tensors = whole(here, 2)
    short = [{**tensors[0], "shape": [3]}, *tensors[1:]]
    unknown = [{**tensors[0], "datatype": "FP128"}, *tensors[1:]]
    both = asked_of(tensors, name, is_raw=True)
    both.inputs[0].contents.bytes_contents.append(b"east")
    few = asked_of(tensors, name, is_raw=True)
    few.raw_input_contents.pop()
    broken = asked_of(tensors, name)
    broken.inputs[0].contents.bytes_contents[0] = b"\xff"
    unseen = message("ModelInferRequest")(model_name=name)
    cases = [
        (asked_of(tensors, "other"), "NOT_FOUND", "there is no model 'other' here"),
        (asked_of(tensors, name, model_version="7"), "NOT_FOUND", "version '7' does not answer here"),
        (asked_of(tensors[1:], name), "INVALID_ARGUMENT", f"needs {tensors[0]['name']}"),
        (asked_of(short, name), "INVALID_ARGUMENT", "and 2 values"),
        (unknown_kind(unknown, name), "INVALID_ARGUMENT", "which has no contents"),
        (both, "INVALID_ARGUMENT", "has contents and raw contents"),
        (few, "INVALID_ARGUMENT", "raw contents of"),
        (broken, "INVALID_ARGUMENT", "no UTF-8"),
        (unseen, "INVALID_ARGUMENT", "must have inputs"),
    ]
    with listening(here) as server:
        for asked, code, words in cases:
            found, said = server.refused(asked)
            assert (found, words in said) == (code, True), said
        asked = message("ModelReadyRequest")(name="other")
        assert server.refused(asked, "ModelReady")[0] == "NOT_FOUND"


def unknown_kind(tensors: list[dict[str, Any]], model: str) -> Any:
    """A request of a datatype that the protocol has not."""
    made = message("ModelInferRequest")(model_name=model)
    for tensor in tensors:
        made.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
    return made


def test_bytes_rows_and_calls_under_way_are_bounded_as_by_rest(site: MakeSite) -> None:
    here = site()
    name = here.spec.name
    with listening(here, max_rows=3, max_body=2_000, concurrency=1) as server:
        assert server.refused(asked_of(whole(here, 4), name)) == (
            "RESOURCE_EXHAUSTED", "the request has 4 rows, and may have 3: send them in several"
        )  # fmt: skip
        assert server.refused(asked_of(whole(here, 80), name))[0] == "RESOURCE_EXHAUSTED"
        with server.gate:
            code, words = server.refused(asked_of(whole(here, 1), name))
            ready, _ = server.ask("ServerReady")
        assert (code, "as many as there may be" in words, ready.ready) == ("UNAVAILABLE", True, True)
        server.ask("ModelInfer", asked_of(whole(here, 3), name))


def test_a_score_that_takes_too_long_is_not_waited_for(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    plain = by_grpc.infer

    def slow(*given: Any) -> Any:
        time.sleep(0.5)
        return plain(*given)

    monkeypatch.setattr(by_grpc, "infer", slow)
    with listening(here, timeout=0.1) as server:
        code, words = server.refused(asked_of(whole(here, 40), here.spec.name))
    assert (code, "no answer after 0.1 seconds" in words) == ("UNAVAILABLE", True)


def test_what_breaks_off_tells_nothing_of_the_code(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    told: list[Exception] = [KeyError("secret"), ModelError("the graph gives no score")]

    def broken(*_: Any) -> Any:
        raise told.pop(0)

    monkeypatch.setattr(by_grpc, "infer", broken)
    with listening(here) as server:
        code, words = server.refused(asked_of(whole(here, 1), here.spec.name))
        assert (code, "secret" in words, words.startswith("internal error")) == ("INTERNAL", False, True)
        assert server.refused(asked_of(whole(here, 1), here.spec.name)) == ("INTERNAL", "the graph gives no score")


def test_who_may_not_ask_by_rest_may_not_by_grpc_either(
    site: MakeSite, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    rules = AccessRules.model_validate({
        "format": 1,
        "jwt": {"algorithms": ["HS256"], "audience": AUDIENCE, "secret_env": "TOKEN_SECRET"},
        "rights": [{"callers": ["portal"], "models": ["*"]}],
        "limits": {"rows_per_minute": 5},
    })  # fmt: skip
    here = site()
    asked = asked_of(whole(here, 3), here.spec.name)
    described = message("ModelMetadataRequest")(name=here.spec.name)
    portal = tuple(bearer(shared()).items())
    with caplog.at_level(logging.INFO, "nightshift.serving"), listening(here, access=rules) as server:
        assert server.ask("ServerReady")[0].ready
        for name, request in (("ModelInfer", asked), ("ModelMetadata", described)):
            assert server.refused(request, name)[0] == "UNAUTHENTICATED"
            stranger = tuple(bearer(shared(sub="stranger")).items())
            with pytest.raises(grpc.RpcError) as error:
                server.ask(name, request, metadata=stranger)
            assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
        server.ask("ModelInfer", asked, metadata=portal)
        with pytest.raises(grpc.RpcError, match="rows"):
            server.ask("ModelInfer", asked, metadata=portal)
    callers = [vars(record).get("caller") for record in caplog.records if record.name == "nightshift.serving"]
    assert callers == [None, None, "stranger", None, "stranger", "portal", "portal"]


def test_bytes_that_are_no_message_are_refused_and_counted_as_any_other_request(site: MakeSite) -> None:
    here = site()
    with listening(here) as server:
        with pytest.raises(grpc.RpcError, match="the bytes of the call are no ModelInferRequest") as error:
            server.channel.unary_unary(f"/{SERVICE}/ModelInfer")(b"\xff\xff", timeout=PATIENCE)
        figures = server.metrics.exposition()[0].decode()
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert 'nightshift_serve_requests_total{route="grpc_infer",status="400"} 1.0' in figures
