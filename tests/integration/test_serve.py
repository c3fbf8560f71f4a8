"""``nightshift serve`` as a process on a real lake: the night's bits, a champion that moves under load, a clean end."""

import datetime as dt
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from nightshift.contracts import Replayed
from nightshift.figures import catalogue
from nightshift.figures.kept import LookMemory
from nightshift.figures.model import look_at
from nightshift.monitoring.replay.record import newest_replay
from nightshift.partitions import following
from nightshift.spec import load_spec
from nightshift.stack.ports import Ports
from nightshift.steps.maintain import sweep
from nightshift.steps.replay import replay
from nightshift.stores import Stores, layout
from tests.champions import append_move
from tests.served_world import (
    ACCESS,
    LEAVES,
    NIGHT,
    PATIENCE,
    ServedWorld,
    Server,
    answers_by,
    as_sent,
    float_bits,
    inferred_by_grpc,
    served_world,
    serving,
    tensors_of,
    whole_rows,
)
from tests.unit.serving.grpc_site import asked_of
from tests.unit.serving.signing import SECRET, bearer, shared
from tests.unit.serving.test_binary import packed

pytestmark = pytest.mark.stack
MOVES = 6
SENDERS = 4
DRAIN = "1"
KEPT = 50
"""Rows that are sent to be kept: 40 by name, 2 in binary, 8 by gRPC."""


@pytest.fixture(scope="module")
def world(
    make_project: Callable[..., Path],
    open_stores: Callable[..., Stores],
    small_rows: Callable[..., pa.Table],
    tmp_path_factory: pytest.TempPathFactory,
) -> ServedWorld:
    folder = make_project(tmp_path_factory.mktemp("served") / "project")
    return served_world(load_spec(folder / "model.yaml"), open_stores(folder.parents[1]), small_rows)


def test_each_row_of_a_published_night_has_its_bits_by_day(world: ServedWorld) -> None:
    """One by one by name, all at once by the protocol; what is under way at SIGTERM is answered, then it exits 0."""
    published = {name: world.published[name].to_pylist() for name in world.published.column_names}
    keys = list(zip(*(published[key] for key in world.spec.keys), strict=True))
    with serving(world, "--drain", DRAIN) as (url, server), httpx.Client(base_url=url) as client:
        found = {}
        for row in world.rows:
            answer = client.post("/score", json={"rows": [as_sent(row, world.spec)]}).json()
            assert (answer["version"], answer["sha256"]) == ("1", world.digests["1"])
            (prediction,) = answer["predictions"]
            found[tuple(prediction[key] for key in world.spec.keys)] = prediction
        assert len(found) == len(keys) == 90
        assert float_bits(found[key]["score"] for key in keys) == float_bits(published["score"])
        assert [found[key]["prediction"] for key in keys] == published["prediction"]
        declared = client.get(f"/v2/models/{world.spec.name}").json()["inputs"]
        inputs = [
            {**tensor, "shape": [len(world.rows)], "data": [row[tensor["name"]] for row in world.rows]}
            for tensor in declared
        ]
        answer = client.post(f"/v2/models/{world.spec.name}/infer", json={"inputs": inputs}).json()
        scores, _ = answer["outputs"]
        assert float_bits(scores["data"]) == float_bits(world.scores["1"])
        _refuses(client, world)
        _ends_with_what_is_under_way(server, url, world)
        code, out, err = server.ended()
    assert code == 0, err
    assert out.startswith(f"{world.spec.name} answers at {url}/score")
    lines = [json.loads(line) for line in err.splitlines() if '"route"' in line]
    assert {line["status"] for line in lines} >= {200, 400, 413}
    assert {line["digest"] for line in lines if line["rows"]} == {world.digests["1"]}


def _ends_with_what_is_under_way(server: Server, url: str, world: ServedWorld) -> None:
    """Not ready, yet answering those who still come; and a request that takes longer than it drains is not cut off."""
    request = {"rows": [as_sent(world.rows[0], world.spec)]}
    body = json.dumps(request).encode()
    while_draining: list[int] = []

    def slowly() -> Iterator[bytes]:
        yield body[:10]
        server.process.send_signal(signal.SIGTERM)
        server.until(lambda: httpx.get(f"{url}/v2/health/ready").status_code == 503)
        while_draining.append(httpx.post(f"{url}/score", json=request).status_code)
        time.sleep(float(DRAIN) + 0.5)
        yield body[10:]

    found = httpx.post(f"{url}/score", content=slowly(), timeout=PATIENCE)
    assert (found.status_code, found.json()["sha256"]) == (200, world.digests["1"])
    assert while_draining == [200]
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def _refuses(client: httpx.Client, world: ServedWorld) -> None:
    """What callers do wrong, each with its status and one sentence."""
    row = as_sent(world.rows[0], world.spec)
    wrong = [
        (400, {"rows": [row | {"colour": "red"}]}, "has no column 'colour'"),
        (400, {"rows": [row | {"weight": "heavy"}]}, "weight, of type float64"),
        (413, {"rows": [row] * 1_001}, "may have 1000"),
        (413, {"rows": ["x" * 1_000_000]}, "more than 1,000,000 bytes"),
    ]
    for status, body, words in wrong:
        found = client.post("/score", json=body)
        assert (found.status_code, words in found.json()["error"]) == (status, True), found.text


def test_what_a_server_kept_is_scored_again_by_a_night_once_and_then_deleted(world: ServedWorld) -> None:
    """By a process, from the wire to the lake, in each form that there is."""
    rows = [as_sent(row, world.spec) for row in world.rows]
    places = whole_rows(world)
    port = Ports.free().mlflow
    options = ("--replay", "1", "--fallback", "100000", "--grpc-port", str(port))
    with serving(world, *options) as (url, server), httpx.Client(base_url=url) as client:
        for size in (1, 2, 37):
            assert client.post("/score", json={"rows": rows[:size]}).status_code == 200
        body, headers = packed(tensors_of(world, url, places[:2]), parameters={"binary_data_output": True})
        path = f"/v2/models/{world.spec.name}/infer"
        assert client.post(path, content=body, headers=headers).status_code == 200
        for is_raw in (False, True):
            inferred_by_grpc(port, asked_of(tensors_of(world, url, places[2:6]), world.spec.name, is_raw=is_raw))
        ages = "nightshift_serve_fallback_age_days"
        server.until(lambda: ages in client.get("/metrics").text)
        server.process.send_signal(signal.SIGTERM)
        code, _, err = server.ended()
    assert code == 0, err
    assert replay(world.spec, NIGHT, world.stores) == Replayed(world.spec.name, NIGHT, KEPT, 0)
    _is_shown(world)
    assert replay(world.spec, following(NIGHT, 2)[-1], world.stores) is None
    assert replay(world.spec, NIGHT, world.stores) == Replayed(world.spec.name, NIGHT, KEPT, 0)
    objects = world.stores.lake.objects
    assert list(objects.keys(layout.requests(world.spec.name)))
    sweep(world.spec, world.stores, dt.timedelta(0))
    assert list(objects.keys(layout.requests(world.spec.name))) == []
    assert replay(world.spec, NIGHT, world.stores) == Replayed(world.spec.name, NIGHT, KEPT, 0)


def _is_shown(world: ServedWorld) -> None:
    """In figures, with the drift of what was asked."""
    predict_again = world.spec.predict.model_copy(update={"replay": True})
    replaying = world.spec.model_copy(update={"predict": predict_again})
    look = look_at(replaying, world.stores, LookMemory(world.stores.lake.objects))
    told = {sample.figure: sample.value for sample in look.samples}
    rows = (catalogue.REPLAYED_ROWS, catalogue.SKEW_ROWS, catalogue.NOT_REPLAYED_ROWS)
    assert [told[figure] for figure in rows] == [KEPT, 0, 0]
    assert told[catalogue.REPLAY_DRIFT] > 0
    record = newest_replay(world.spec.name, world.stores)
    assert record is not None
    assert record.drift is not None
    assert {sum(counts) for counts in record.drift.counts.values()} == {KEPT}


def test_the_champion_moves_under_load_and_no_request_fails(world: ServedWorld) -> None:
    """Each answer has the score of the digest that it names."""
    rows = [as_sent(row, world.spec) for row in world.rows]
    expected = {world.digests[version]: float_bits(world.scores[version]) for version in LEAVES}
    seen: set[str] = set()
    faults: list[str] = []
    sent: list[int] = []
    over = threading.Event()

    def send(url: str, first: int) -> None:
        with httpx.Client(base_url=url) as client:
            place = first
            while not over.is_set():
                place = (place + SENDERS) % len(rows)
                found = client.post("/score", json={"rows": [rows[place]]})
                answer = found.json()
                sent.append(found.status_code)
                seen.add(answer.get("sha256", ""))
                if found.status_code != 200 or found.headers["nightshift-sha256"] != answer["sha256"]:
                    faults.append(found.text)
                elif float_bits([answer["predictions"][0]["score"]])[0] != expected[answer["sha256"]][place]:
                    faults.append(f"{answer} is not the score of its digest")

    with serving(world) as (url, server), ThreadPoolExecutor(SENDERS) as pool:
        try:
            sending = [pool.submit(send, url, first) for first in range(SENDERS)]
            for move in range(MOVES):
                version = "21"[move % 2]
                append_move(world.stores, world.spec.name, version)
                server.until(partial(answers_by, url, version))
                time.sleep(0.2)
        finally:
            over.set()
        for each in sending:
            each.result()
        assert f"nightshift_serve_swaps_total {MOVES}.0" in httpx.get(f"{url}/metrics").text
    assert (faults, set(sent), seen) == ([], {200}, set(expected))
    assert len(sent) > 100


def test_what_keeps_a_server_from_starting_is_one_error_without_a_traceback(
    world: ServedWorld, make_project: Callable[..., Path]
) -> None:
    other = make_project(world.stores.settings.project, name="no_champion_yet")
    with closing(socket.create_server(("127.0.0.1", 0))) as holder:
        port = str(holder.getsockname()[1])
        taken = Server(world, "--port", port)
        nobody = Server(world, "--port", "0", model=other.name)
        told = [taken.ended(), nobody.ended()]
    for (code, _, error), words in zip(
        told,
        (
            f"nobody can listen on 127.0.0.1:{port}: Address already in use",
            "no_champion_yet has no champion yet",
        ),
        strict=True,
    ):
        assert (code, "Traceback" in error, words in error, "->" in error) == (1, False, True, True), error


def test_a_server_asks_who_is_there_and_believes_no_address_that_is_forwarded(
    world: ServedWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a file of rules, as a process: the secret is in its environment, and nowhere else."""
    monkeypatch.setenv("TOKEN_SECRET", SECRET)
    access = tmp_path / "access.toml"
    access.write_text(ACCESS.replace("MODEL", world.spec.name))
    body = {"rows": [as_sent(world.rows[0], world.spec)]}
    tokens = {name: shared(sub=name) for name in ("portal", "stranger")}
    with serving(world, "--access", str(access)) as (url, server):
        assert httpx.post(f"{url}/score", json=body).status_code == 401
        statuses = {
            name: httpx.post(f"{url}/score", json=body, headers=bearer(token)).status_code
            for name, token in tokens.items()
        }
        assert statuses == {"portal": 200, "stranger": 403}
        pages = [
            httpx.get(f"{url}/docs", headers={"x-forwarded-for": f"198.51.100.{place}"}).status_code
            for place in range(5)
        ]
        assert pages == [200, 200, 200, 200, 429]
        shown = Path(f"/proc/{server.process.pid}/cmdline").read_text()
        server.process.send_signal(signal.SIGTERM)
        code, out, err = server.ended()
    assert code == 0, err
    lines = [json.loads(line) for line in err.splitlines() if '"route"' in line]
    callers = {line["status"]: line.get("caller") for line in lines}
    assert (callers[401], callers[403]) == (None, "stranger")
    for secret in (SECRET, *tokens["portal"].split(".")):
        assert secret not in shown + out + err


def test_by_grpc_too_rows_of_the_night_have_its_bits_and_a_clean_end(world: ServedWorld) -> None:
    """By the same process, to which both doors lead."""
    spec = world.spec
    places = whole_rows(world)
    port = Ports.free().mlflow
    with serving(world, "--grpc-port", str(port)) as (url, server):
        answer = inferred_by_grpc(port, asked_of(tensors_of(world, url, places), spec.name))
        server.process.send_signal(signal.SIGTERM)
        code, out, err = server.ended()
    assert (code, f"by gRPC at port {port}" in out) == (0, True), err
    assert answer.parameters["sha256"].string_param == world.digests["1"]
    (scores,) = [tensor for tensor in answer.outputs if tensor.name == "score"]
    assert len(places) > 50
    assert float_bits(scores.contents.fp32_contents) == float_bits(world.scores["1"][place] for place in places)
