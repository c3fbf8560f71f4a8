"""One process that answers: a socket, a loop, looks at the ledger beside it, and an end that drops no request.

One process is one core. More of them side by side, each with a port of its own, are what a load balancer is for.
"""

import asyncio
import gc
import logging
import math
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any

import uvicorn

from nightshift.errors import PortTaken
from nightshift.serving.beside import BesideAnswers
from nightshift.serving.entrance import Entrance, entrance_of
from nightshift.serving.one_write import OneWriteProtocol
from nightshift.serving.options import ServeOptions
from nightshift.serving.routes import application
from nightshift.serving.stand import Stand

log = logging.getLogger("nightshift.serving")
KEEP_ALIVE = 75
"""Seconds that an idle connection stays: longer than nginx keeps one, or a request may meet its end."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)
Told = Callable[[str], None]


def listen_at(options: ServeOptions) -> socket.socket:
    """A socket of this address, before anything is loaded. Raises ``PortTaken``."""
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return _bound(socket.socket(family, kind, protocol), address)
    except OSError as error:
        raise PortTaken(
            f"nobody can listen on {options.host}:{options.port}: {error.strerror or error}",
            fix="give another one: --port, --host",
        ) from error


def _bound(opened: socket.socket, address: Any) -> socket.socket:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind(address)
    except OSError:
        opened.close()
        raise
    return opened


def run(
    stand: Stand, options: ServeOptions, opened: socket.socket, told: Told, beside: BesideAnswers | None = None
) -> None:
    """Answer until SIGTERM or SIGINT, then drain. ``told`` hears the address once requests are taken."""
    entrance = entrance_of(stand, options)
    door = application(stand, options, beside, entrance)
    config = uvicorn.Config(
        door,
        http=OneWriteProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whose word counts for who asks is said in access.toml: uvicorn would take that of whoever is on this machine.
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(options.timeout) + 1,
    )
    # What is there by now stays: a collection of garbage that looked through all of it would hold a request up.
    gc.collect()
    gc.freeze()
    host, port = opened.getsockname()[:2]
    server = _Server(config, lambda: told(f"http://{host}:{port}"))
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(server, stand, options, opened, _by_grpc(stand, options, entrance, beside)))
    door.settle()


def _by_grpc(
    stand: Stand, options: ServeOptions, entrance: Entrance, beside: BesideAnswers | None
) -> AbstractAsyncContextManager[None]:
    """The server of gRPC where one is asked for, under the same bounds."""
    if options.grpc_port is None:
        return nullcontext()
    from nightshift.serving.by_grpc import answering

    return answering(stand, options, entrance, beside)


async def _serve(
    server: "_Server",
    stand: Stand,
    options: ServeOptions,
    opened: socket.socket,
    by_grpc: AbstractAsyncContextManager[None],
) -> None:
    loop = asyncio.get_running_loop()
    ending: list[asyncio.Task[None]] = []

    def end() -> None:
        # Who asks twice does not want to wait.
        server.force_exit = bool(ending)
        ending.append(asyncio.ensure_future(_drain(server, stand, options.drain)))

    for number in SIGNALS:
        loop.add_signal_handler(number, end)
    looking = asyncio.ensure_future(keep_looking(stand, options.interval))
    try:
        async with by_grpc:
            await server.serve([opened])
    finally:
        looking.cancel()


async def _drain(server: uvicorn.Server, stand: Stand, seconds: float) -> None:
    """Not ready any more; requests are answered for so long, until nobody sends any here; then what is under way."""
    stand.is_draining = True
    await asyncio.sleep(0 if server.force_exit else seconds)
    server.should_exit = True


async def keep_looking(stand: Stand, seconds: float) -> None:
    """Look at the ledger every so many seconds, in a thread; for whoever mounts the application, a task of theirs."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="ledger") as pool:
        while True:
            await asyncio.sleep(seconds)
            try:
                await loop.run_in_executor(pool, stand.look)
            except Exception:  # a loop that ended would leave a server that answers by the same version for ever
                log.exception("a look at the ledger broke off; the next is taken")


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again at its end, and a clean end would exit as a killed one."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        self._tell()
