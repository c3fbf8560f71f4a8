"""Callers that never pause: what they notice while servers go and come."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeAlias

import requests

SENDERS = 4
Send: TypeAlias = Callable[[requests.Session, int], None]
"""Asks for the row at a place, and keeps what came of it."""


@contextmanager
def sending(rows: int, send: Send, faults: list[str]) -> Iterator[None]:
    """``SENDERS``, one request after the other each, while the block lasts; a connection that breaks is a fault."""
    over = threading.Event()

    def send_on(first: int) -> None:
        place = first
        with requests.Session() as session:
            while not over.is_set():
                place = (place + SENDERS) % rows
                try:
                    send(session, place)
                except requests.RequestException as error:
                    faults.append(repr(error))

    with ThreadPoolExecutor(SENDERS) as pool:
        under_way = [pool.submit(send_on, first) for first in range(SENDERS)]
        try:
            yield
        finally:
            over.set()
        for each in under_way:
            each.result()
