"""A door before a service that a file shuts for a while: connections are cut, or taken and never answered."""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

PIECE = 2**16


class Door:
    """``gone`` cuts what comes, ``hangs`` keeps it waiting for ever: from the first that comes, for some seconds."""

    def __init__(self, service: str, url: str, control: Path) -> None:
        self.service = service
        self._control = control
        there = urlsplit(url)
        self._there = (there.hostname, there.port)
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._name, self._until = "", 0.0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for connection in self._open:
            connection.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _mode(self) -> str:
        with self._lock:
            if not self._control.exists():
                return "through"
            wanted = json.loads(self._control.read_text())
            if wanted["service"] != self.service:
                return "through"
            if wanted["name"] != self._name:
                self._name, self._until = wanted["name"], time.monotonic() + wanted["seconds"]
            return wanted["mode"] if time.monotonic() < self._until else "through"

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client, socket.create_connection(self._there) as store:
                self._open.append(store)
                threading.Thread(target=self._pour, args=[store, client], daemon=True).start()
                while (piece := client.recv(PIECE)) and (mode := self._mode()) != "gone":
                    if mode == "hangs":
                        time.sleep(60)
                    store.sendall(piece)
        except OSError:
            return

    def _pour(self, store: socket.socket, client: socket.socket) -> None:
        try:
            while piece := store.recv(PIECE):
                client.sendall(piece)
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def shut(control: Path, name: str, service: str, mode: str, seconds: float) -> None:
    """From the next request on, for so long."""
    written = control.with_suffix(".new")
    written.write_text(json.dumps({"name": name, "service": service, "mode": mode, "seconds": seconds}))
    written.rename(control)
