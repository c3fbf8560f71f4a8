"""Compose's nginx without containers: its own file, with a name server beside it that says where the servers are."""

import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FILE = Path(__file__).parents[1] / "docker" / "serving" / "nginx.conf"
NAME = "serve"
HEADER = struct.Struct(">HHHHHH")
ANSWERED = 0x8180
A_RECORD = struct.pack(">HHHIH", 0xC00C, 1, 1, 1, 4)
"""The question's name, an address, of the internet, for a second, of four bytes."""
PATIENCE = 10


def is_installed() -> bool:
    """Whether Debian's nginx is here."""
    return shutil.which("nginx") is not None


def rendered(port: int, servers_port: int, names_port: int, folder: Path) -> str:
    """The file as Compose has it, but for addresses and the folder it may write to, each of which is there once."""
    changes = {
        "resolver 127.0.0.11 valid=2s": f"resolver 127.0.0.1:{names_port} valid=1s",
        f"http://{NAME}:8100": f"http://{NAME}:{servers_port}",
        "listen 8080 ": f"listen 127.0.0.1:{port} ",
    }
    text = FILE.read_text()
    for before, after in changes.items():
        if text.count(before) != 1:
            raise ValueError(f"{FILE} has {before!r} {text.count(before)} times")
        text = text.replace(before, after)
    return text.replace("/tmp/", f"{folder}/")


@contextmanager
def proxied(port: int, servers_port: int, hosts: Sequence[str], folder: Path) -> Iterator[str]:
    """nginx before the servers at these addresses, all on one port; it ends with the block."""
    with names(hosts) as names_port:
        file = folder / "nginx.conf"
        file.write_text(rendered(port, servers_port, names_port, folder))
        process = subprocess.Popen(["nginx", "-c", str(file), "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        try:
            _await(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("nginx does not listen")


@contextmanager
def names(hosts: Sequence[str]) -> Iterator[int]:
    """The port of a name server for which every name is that of these addresses, as Docker's has it for a service."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("127.0.0.1", 0))
    opened.settimeout(0.1)
    over = threading.Event()

    def answer() -> None:
        while not over.is_set():
            try:
                asked, who = opened.recvfrom(512)
            except TimeoutError:
                continue
            opened.sendto(_answer(asked, hosts), who)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield opened.getsockname()[1]
    finally:
        over.set()
        thread.join()
        opened.close()


def _answer(asked: bytes, hosts: Sequence[str]) -> bytes:
    number, _, questions, *_ = HEADER.unpack(asked[: HEADER.size])
    # A question is a name, which ends with an empty part, and four bytes more.
    end = asked.index(b"\0", HEADER.size) + 5
    head = HEADER.pack(number, ANSWERED, questions, len(hosts), 0, 0)
    return head + asked[HEADER.size : end] + b"".join(A_RECORD + socket.inet_aton(host) for host in hosts)
