"""Triton's own client, over a real socket: what it asks of its own server it gets here, with the night's bits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import uvicorn

from tests.unit.serving.conftest import Site

MakeSite = Callable[..., Site]
NUMPY = {"BYTES": object, "FP32": np.float32, "FP64": np.float64, "INT16": np.int16, "BOOL": np.bool_}
# gevent, which the client is made with, is older than this Python's ways.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """Where an application answers over HTTP, while the block lasts."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        yield "{}:{}".format(*server.servers[0].sockets[0].getsockname())
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def asked(site: MakeSite) -> Iterator[tuple[Site, Any]]:
    """A server, and Triton's client of it."""
    from tritonclient.http import InferenceServerClient

    here = site()
    with listening(here.client.app) as address:
        client = InferenceServerClient(address)
        yield here, client
        client.close()


def whole_rows(here: Site) -> list[int]:
    """Rows without a missing value, but where NaN says so."""
    known = np.ones(here.table.num_rows, bool)
    for name in here.spec.features:
        if here.spec.columns[name].type not in {"float32", "float64"}:
            known &= here.table[name].is_valid().to_numpy()
    return [int(place) for place in np.flatnonzero(known)[:50]]


def inputs_of(here: Site, client: Any, places: list[int], *, is_binary: bool) -> list[Any]:
    """A tensor to each column, as the server's own description has it."""
    from tritonclient.http import InferInput

    made = []
    for tensor in client.get_model_metadata(here.spec.name)["inputs"]:
        values = here.table[tensor["name"]].take(places).to_pylist()
        plain = [np.nan if value is None else value for value in values]
        given = InferInput(tensor["name"], [len(places)], tensor["datatype"])
        array = np.array(plain, NUMPY[tensor["datatype"]])
        made.append(given.set_data_from_numpy(array, binary_data=is_binary))
    return made


def test_it_is_told_of_health_and_of_what_there_is(asked: tuple[Site, Any]) -> None:
    here, client = asked
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(here.spec.name)
    assert client.is_model_ready(here.spec.name, "1")
    assert not client.is_model_ready("other")
    assert client.get_server_metadata()["name"] == "nightshift"
    described = client.get_model_metadata(here.spec.name, "1")
    assert [tensor["name"] for tensor in described["inputs"]] == list(here.spec.features)


@pytest.mark.parametrize("is_binary", [True, False])
def test_its_tensors_are_answered_with_the_night_s_bits(asked: tuple[Site, Any], is_binary: bool) -> None:
    """By default in binary both ways. As JSON it writes a NaN as no JSON allows, so those rows go by binary alone."""
    from tritonclient.http import InferRequestedOutput

    here, client = asked
    places = whole_rows(here)
    if not is_binary:
        amounts = here.table["amount"].to_pylist()
        places = [place for place in places if amounts[place] is not None]
    assert len(places) > 20
    inputs = inputs_of(here, client, places, is_binary=is_binary)
    outputs = None if is_binary else [InferRequestedOutput(name, binary_data=False) for name in ("score", "prediction")]
    found = client.infer(here.spec.name, inputs, request_id="a7", outputs=outputs)
    expected = {name: [values[place] for place in places] for name, values in here.published().items()}
    assert found.as_numpy("score").astype(np.float32).tobytes() == np.array(expected["score"], np.float32).tobytes()
    assert found.as_numpy("prediction").tolist() == expected["prediction"]
    answer = found.get_response()
    assert (answer["id"], answer["model_version"]) == ("a7", "1")


def test_it_is_told_in_a_sentence_what_is_wrong(asked: tuple[Site, Any]) -> None:
    from tritonclient.utils import InferenceServerException

    here, client = asked
    inputs = inputs_of(here, client, whole_rows(here)[:2], is_binary=True)
    with pytest.raises(InferenceServerException, match="needs express, which the request lacks") as error:
        client.infer(here.spec.name, [each for each in inputs if each.name() != "express"])
    assert error.value.status() == "400"
