"""By gRPC as by REST: the same bits and versions, by all methods of the published proto."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nightshift.errors import NoChampion, PortTaken
from nightshift.serving import by_grpc, grpc_messages
from nightshift.serving.by_grpc import answering
from nightshift.serving.entrance import entrance_of
from nightshift.serving.grpc_messages import message
from nightshift.serving.options import ServeOptions
from nightshift.serving.server import listen_at
from tests.unit.serving.conftest import Site
from tests.unit.serving.grpc_site import PATIENCE, asked_of, listening, outputs_of, whole
from tests.unit.serving.test_binary import bits

MakeSite = Callable[..., Site]
CONTRACTS = Path(__file__).parents[2] / "contracts"
PROTO = "open_inference_grpc.proto"
CLIENT = Path(__file__).with_name("foreign_grpc_client.py")
ROWS = 40
KINDS = [
    ("binary", "hist_gradient_boosting"),
    ("binary", "logistic_regression"),
    ("multiclass", "logistic_regression"),
    ("multilabel", "hist_gradient_boosting"),
    ("quantile", "hist_gradient_boosting"),
]


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


def test_calls_that_come_together_are_gathered_and_each_has_its_own_bits(site: MakeSite) -> None:
    here = site()
    rows = whole(here, 3)
    alone = [[{**tensor, "shape": [1], "data": [tensor["data"][place]]} for tensor in rows] for place in range(3)]
    expected = [by_rest(here, tensors) for tensors in alone]
    with listening(here, batch_rows=3, batch_ms=100) as server, ThreadPoolExecutor(3) as pool:
        asked = [asked_of(tensors, here.spec.name) for tensors in alone]
        answers = [answer for answer, _ in pool.map(partial(server.ask, "ModelInfer"), asked)]
        figures = dict(line.rsplit(" ", 1) for line in server.metrics.exposition()[0].decode().splitlines())
    for answer, wanted in zip(answers, expected, strict=True):
        assert {name: list(map(bits, values)) for name, values in outputs_of(answer).items()} == wanted
    assert float(figures["nightshift_serve_batched_requests_total"]) == 3
    assert float(figures["nightshift_serve_batches_total"]) < 3


def test_a_server_without_grpc_loads_none_of_it() -> None:
    program = "import sys, nightshift.serving.server; print([name for name in sys.modules if 'grpc' in name])"
    heard = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert heard.stdout.strip() == "[]"


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
