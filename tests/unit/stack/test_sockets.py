"""Sockets that nobody listens at any more are removed, and no others."""

import os
import socket
import time
from pathlib import Path

from nightshift.stack.sockets import remove_dead_sockets


def bound(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    an_hour_ago = time.time() - 3600
    os.utime(path, (an_hour_ago, an_hour_ago))
    return server


def test_the_dead_go_and_the_living_stay(tmp_path: Path) -> None:
    dead, alive, young = (tmp_path / f"seaweedfs-{name}.sock" for name in ("s3-1", "filer-2", "admin-grpc-3"))
    bound(dead).close()
    with bound(alive) as server:
        server.listen()
        bound(young).close()
        os.utime(young)
        (tmp_path / "seaweedfs-4.sock").write_text("no socket")
        bound(tmp_path / "other.sock").close()
        remove_dead_sockets(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {alive.name, young.name, "seaweedfs-4.sock", "other.sock"}
