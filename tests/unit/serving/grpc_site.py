"""A server of gRPC on a port of this machine, what it is asked, and what it answers."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import pytest
import uvloop

from nightshift.serving.beside import BesideAnswers
from nightshift.serving.binary import values_of
from nightshift.serving.by_grpc import answering
from nightshift.serving.entrance import entrance_of
from nightshift.serving.gate import Gate
from nightshift.serving.grpc_messages import CONTENTS, SERVICE, message
from nightshift.serving.metrics import ServeMetrics
from nightshift.serving.options import ServeOptions
from nightshift.serving.protocol import datatype
from nightshift.serving.server import listen_at
from tests.unit.serving.conftest import Site
from tests.unit.serving.test_binary import as_bytes

PATIENCE = 10.0


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
        call = self.channel.unary_unary(
            f"/{SERVICE}/{name}",
            message(f"{name}Request").SerializeToString,
            message(f"{name}Response").FromString,
        )
        made = asked if asked is not None else message(f"{name}Request")()
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
def listening(here: Site, beside: BesideAnswers | None = None, **given: Any) -> Iterator[Listening]:
    """A server in a loop of its own thread, as ``nightshift serve`` has it: uvloop's."""
    options = ServeOptions(grpc_port=free_port(), **given)
    entrance = entrance_of(here.stand, options)
    started = threading.Event()
    over = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with answering(here.stand, options, entrance, beside):
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
        try:
            with grpc.insecure_channel(f"127.0.0.1:{options.grpc_port}") as channel:
                assert options.grpc_port is not None
                yield Listening(here, options.grpc_port, entrance.gate, entrance.metrics, channel, end)
        finally:
            # A test that fails must not leave a server that is waited for.
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
        getattr(sent.contents, CONTENTS[tensor["datatype"]]).extend(values)
    return made


def whole(here: Site, count: int, *, with_keys: bool = False) -> list[dict[str, Any]]:
    """Tensors of rows without a missing value, but for floats: gRPC has NaN and no null."""
    known = np.ones(here.table.num_rows, bool)
    for name in here.spec.features:
        if here.spec.columns[name].type not in {"float32", "float64"}:
            known &= here.table[name].is_valid().to_numpy()
    rows = here.table.filter(known).slice(0, count)
    declared = here.client.get(f"/v2/models/{here.spec.name}").json()["inputs"]
    if with_keys:
        others = [key for key in here.spec.keys if key not in here.spec.features]
        declared += [{"name": key, "datatype": datatype(here.spec.columns[key])} for key in others]
    return [{**tensor, "shape": [count], "data": rows[tensor["name"]].to_pylist()} for tensor in declared]


def outputs_of(answer: Any) -> dict[str, list[Any]]:
    """Values by output, whichever form they came in."""
    found = {}
    for place, tensor in enumerate(answer.outputs):
        if answer.raw_output_contents:
            raw = answer.raw_output_contents[place]
            found[tensor.name] = values_of(tensor.name, tensor.datatype, list(tensor.shape), raw)
        else:
            values = list(getattr(tensor.contents, CONTENTS[tensor.datatype]))
            found[tensor.name] = [value.decode() if isinstance(value, bytes) else value for value in values]
    return found
