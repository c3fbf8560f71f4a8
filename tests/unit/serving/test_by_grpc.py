"""By gRPC as by REST: the same bits, bounds and versions, and a status code for each way to get no answer."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import uvloop

from nightshift.errors import ModelError, NoChampion, PortTaken
from nightshift.serving import by_grpc, grpc_messages
from nightshift.serving.access.rules import AccessRules
from nightshift.serving.by_grpc import answering
from nightshift.serving.entrance import entrance_of
from nightshift.serving.gate import Gate
from nightshift.serving.grpc_messages import SERVICE, message, methods
from nightshift.serving.metrics import ServeMetrics
from nightshift.serving.options import ServeOptions
from nightshift.serving.server import listen_at
from tests.unit.serving.conftest import Site
from tests.unit.serving.signing import AUDIENCE, SECRET, bearer, shared
from tests.unit.serving.test_binary import as_bytes, bits

MakeSite = Callable[..., Site]
CONTRACTS = Path(__file__).parents[2] / "contracts"
PROTO = "open_inference_grpc.proto"
CLIENT = Path(__file__).with_name("foreign_grpc_client.py")
PATIENCE = 10.0
ROWS = 40
KINDS = [
    ("binary", "hist_gradient_boosting"),
    ("binary", "logistic_regression"),
    ("multiclass", "logistic_regression"),
    ("multilabel", "hist_gradient_boosting"),
    ("quantile", "hist_gradient_boosting"),
]


@dataclass
class Listening:
    """A server of gRPC under way; ``end`` is what SIGTERM's drain ends with."""

    here: Site
    port: int
    gate: Gate
    metrics: ServeMetrics
    channel: Any
    end: Callable[[], None]

    def ask(self, name: str, asked: Any = None, **given: Any) -> tuple[Any, Any]:
        """An answer, and the call that it came by. Raises ``grpc.RpcError``."""
        (method,) = [each for each in methods() if each.name == name]
        call = self.channel.unary_unary(
            f"/{SERVICE}/{name}", method.request.SerializeToString, method.answer.FromString
        )
        made = asked if asked is not None else method.request()
        return call.with_call(made, timeout=PATIENCE, **given)  # type: ignore[no-any-return]

    def refused(self, asked: Any, name: str = "ModelInfer") -> tuple[str, str]:
        """The code and the sentence of a call that gets no answer."""
        with pytest.raises(grpc.RpcError) as error:
            self.ask(name, asked)
        return error.value.code().name, error.value.details()


def free_port() -> int:
    with listen_at(ServeOptions(port=0)) as opened:
        return int(opened.getsockname()[1])


@contextmanager
def listening(here: Site, **given: Any) -> Iterator[Listening]:
    """A server in a loop of its own thread, as ``nightshift serve`` has it: uvloop's."""
    options = ServeOptions(grpc_port=free_port(), **given)
    entrance = entrance_of(here.stand, options)
    started = threading.Event()
    over = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with answering(here.stand, options, entrance):
            started.set()
            await over.wait()

    def run() -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())

    def end() -> None:
        loops[0].call_soon_threadsafe(over.set)

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(run)
        assert started.wait(PATIENCE), serving.exception(0)
        with grpc.insecure_channel(f"127.0.0.1:{options.grpc_port}") as channel:
            assert options.grpc_port is not None
            yield Listening(here, options.grpc_port, entrance.gate, entrance.metrics, channel, end)
        if not serving.done():
            end()
        serving.result(PATIENCE)


def asked_of(tensors: list[dict[str, Any]], model: str, *, is_raw: bool = False, **given: Any) -> Any:
    """A ``ModelInferRequest`` of tensors as REST has them."""
    made = message("ModelInferRequest")(model_name=model, **given)
    for tensor in tensors:
        sent = made.inputs.add(name=tensor["name"], datatype=tensor["datatype"], shape=tensor["shape"])
        if is_raw:
            made.raw_input_contents.append(as_bytes(tensor))
            continue
        values = [np.nan if value is None else value for value in tensor["data"]]
        if tensor["datatype"] == "BYTES":
            values = [value.encode() for value in tensor["data"]]
        getattr(sent.contents, grpc_messages.CONTENTS[tensor["datatype"]]).extend(values)
    return made


def whole(here: Site, count: int) -> list[dict[str, Any]]:
    """Tensors of rows without a missing value, but for floats: gRPC has NaN and no null."""
    known = np.ones(here.table.num_rows, bool)
    for name in here.spec.features:
        if here.spec.columns[name].type not in {"float32", "float64"}:
            known &= here.table[name].is_valid().to_numpy()
    rows = here.table.filter(known).slice(0, count)
    declared = here.client.get(f"/v2/models/{here.spec.name}").json()["inputs"]
    return [{**tensor, "shape": [count], "data": rows[tensor["name"]].to_pylist()} for tensor in declared]


def outputs_of(answer: Any) -> dict[str, list[Any]]:
    """Values by output, whichever form they came in."""
    found = {}
    for place, tensor in enumerate(answer.outputs):
        if answer.raw_output_contents:
            raw = answer.raw_output_contents[place]
            found[tensor.name] = grpc_messages.binary.values_of(tensor.name, tensor.datatype, list(tensor.shape), raw)
        else:
            values = list(getattr(tensor.contents, grpc_messages.CONTENTS[tensor.datatype]))
            found[tensor.name] = [value.decode() if isinstance(value, bytes) else value for value in values]
    return found


def test_the_description_is_made_of_the_proto_as_it_was_published(tmp_path: Path) -> None:
    made = tmp_path / "made.binpb"
    command = ["-m", "grpc_tools.protoc", "-I", str(CONTRACTS), f"--descriptor_set_out={made}", PROTO]
    subprocess.run([sys.executable, *command], check=True)
    kept = Path(grpc_messages.__file__).with_name(grpc_messages.DESCRIPTION)
    assert made.read_bytes() == kept.read_bytes()


def test_a_client_made_of_the_published_proto_is_answered_by_every_method(site: MakeSite, tmp_path: Path) -> None:
    command = [
        "-m",
        "grpc_tools.protoc",
        "-I",
        str(CONTRACTS),
        f"--python_out={tmp_path}",
        f"--grpc_python_out={tmp_path}",
    ]
    subprocess.run([sys.executable, *command, PROTO], check=True)
    here = site()
    tensors = whole(here, ROWS)
    with listening(here) as server:
        heard = subprocess.run(
            [sys.executable, str(CLIENT), str(tmp_path), str(server.port), here.spec.name],
            input=json.dumps(tensors), capture_output=True, text=True, check=True,
        )  # fmt: skip
    answer = json.loads(heard.stdout)
    assert here.stand.version is not None
    sha256 = here.stand.version.pin.sha256
    assert (answer["live"], answer["ready"], answer["model_ready"], answer["server"]) == (
        True,
        True,
        True,
        "nightshift",
    )
    assert (answer["id"], answer["version"], answer["sha256"]) == ("a7", "1", sha256)
    assert answer["properties"]["sha256"] == sha256
    assert answer["inputs"] == {tensor["name"]: [tensor["datatype"], [-1]] for tensor in tensors}
    expected = by_rest(here, tensors)
    assert {name: list(map(bits, values)) for name, values in answer["outputs"].items()} == expected


def by_rest(here: Site, tensors: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The bits of REST's answer."""
    answer = here.client.post(f"/v2/models/{here.spec.name}/infer", json={"inputs": tensors}).json()
    return {tensor["name"]: list(map(bits, tensor["data"])) for tensor in answer["outputs"]}


@pytest.mark.parametrize(("kind", "trainer"), KINDS)
def test_an_answer_has_the_bits_of_rest_s_whatever_its_form(site: MakeSite, kind: str, trainer: str) -> None:
    here = site(kind, trainer)
    with listening(here) as server:
        for count in (1, ROWS):
            tensors = whole(here, count)
            expected = by_rest(here, tensors)
            for is_raw in (False, True):
                answer, _ = server.ask("ModelInfer", asked_of(tensors, here.spec.name, is_raw=is_raw))
                assert bool(answer.raw_output_contents) == is_raw
                assert {name: list(map(bits, values)) for name, values in outputs_of(answer).items()} == expected


def test_an_answer_says_who_gave_it_and_has_the_request_s_id(site: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    here = site()
    assert here.stand.version is not None
    with listening(here) as server, caplog.at_level(logging.INFO, "nightshift.serving"):
        asked = asked_of(whole(here, 2), here.spec.name, model_version="1", id="a7")
        answer, call = server.ask("ModelInfer", asked, metadata=(("x-request-id", "seven"),))
        figures = server.metrics.exposition()[0].decode()
    said = {entry.key: entry.value for entry in call.trailing_metadata()}
    pin = here.stand.version.pin
    assert (said["x-request-id"], said["nightshift-version"], said["nightshift-sha256"]) == ("seven", "1", pin.sha256)
    assert (answer.id, answer.model_version, answer.parameters["sha256"].string_param) == ("a7", "1", pin.sha256)
    assert 'nightshift_serve_requests_total{route="grpc_infer",status="200"} 1.0' in figures
    assert "nightshift_serve_rows_total 2.0" in figures
    (record,) = [each for each in caplog.records if getattr(each, "route", "") == "grpc_infer"]
    assert (record.request, record.status, record.rows, record.digest) == ("seven", 200, 2, pin.sha256)  # type: ignore[attr-defined]


def test_chosen_outputs_alone_come_back(site: MakeSite) -> None:
    here = site()
    asked = asked_of(whole(here, 2), here.spec.name)
    asked.outputs.add(name="score")
    with listening(here) as server:
        answer, _ = server.ask("ModelInfer", asked)
        asked.outputs.add(name="colour")
        code, words = server.refused(asked)
    assert [tensor.name for tensor in answer.outputs] == ["score"]
    assert (code, "there is no output 'colour'" in words) == ("INVALID_ARGUMENT", True)


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


def test_the_champion_moves_and_each_answer_is_of_one_version(site: MakeSite, served: Callable[..., Any]) -> None:
    here = site()
    here.champions.versions["2"], _ = served("binary", "logistic_regression", number="2")
    tensors = whole(here, 3)
    with listening(here) as server:
        before, _ = server.ask("ModelInfer", asked_of(tensors, here.spec.name))
        here.champions.champion = "2"
        here.stand.look()
        after, _ = server.ask("ModelInfer", asked_of(tensors, here.spec.name))
        here.champions.champion = NoChampion("no champion left")
        here.stand.look()
        assert server.refused(asked_of(tensors, here.spec.name))[0] == "UNAVAILABLE"
        assert server.ask("ServerReady")[0].ready is False
        assert server.ask("ServerLive")[0].live is True
    assert [answer.model_version for answer in (before, after)] == ["1", "2"]
    assert outputs_of(before)["score"] != outputs_of(after)["score"]


def test_who_drains_is_not_ready_and_what_is_under_way_at_the_end_is_answered(
    site: MakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = site()
    begun = threading.Event()
    plain = by_grpc.infer

    def slow(*given: Any) -> Any:
        begun.set()
        time.sleep(0.5)
        return plain(*given)

    monkeypatch.setattr(by_grpc, "infer", slow)
    with listening(here) as server, ThreadPoolExecutor(1) as pool:
        here.stand.is_draining = True
        assert server.ask("ServerReady")[0].ready is False
        waiting = pool.submit(server.ask, "ModelInfer", asked_of(whole(here, 40), here.spec.name))
        assert begun.wait(PATIENCE)
        server.end()
        answer, _ = waiting.result(PATIENCE)
        assert len(outputs_of(answer)["score"]) == 40
        assert server.refused(asked_of(whole(here, 1), here.spec.name))[0] == "UNAVAILABLE"


def test_a_port_that_is_taken_is_one_clear_error(site: MakeSite) -> None:
    here = site()
    with listen_at(ServeOptions(port=0)) as opened:
        opened.listen()
        options = ServeOptions(grpc_port=opened.getsockname()[1])
        entrance = entrance_of(here.stand, options)

        async def begin() -> None:
            async with answering(here.stand, options, entrance):
                raise AssertionError("it listens")

        with pytest.raises(PortTaken, match=f"nobody can listen on 127.0.0.1:{options.grpc_port} for gRPC"):
            asyncio.run(begin())


def test_what_is_said_of_bits_is_what_rest_says(site: MakeSite) -> None:
    here = site()
    assert here.stand.version is not None
    here.stand.version = replace(here.stand.version, elsewhere="the night was scored by another machine")
    by_rest = here.client.get(f"/v2/models/{here.spec.name}").json()["parameters"]["bits"]
    with listening(here) as server:
        described, _ = server.ask("ModelMetadata", message("ModelMetadataRequest")(name=here.spec.name))
    assert described.properties["bits"] == by_rest
    assert "another machine" in by_rest


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
