"""Which request meets which fault: the one at a place, or a share of them, by chance from a seed."""

import itertools
import random
import threading
from collections.abc import Callable

from tests.faults.proxy import NETWORK, Fault, Plan, Request

COPIED = "x-amz-copy-source"
PLAIN = "/predictions/orders/day="


def nth_write(number: int, fault: Fault) -> Plan:
    """One fault, at the ``number``-th request that changes the store; a retry of it goes through."""
    return nth(number, fault, lambda request: request.writes)


def nth(number: int, fault: Fault, which: Callable[[Request], bool] = lambda _: True) -> Plan:
    """One fault, at the ``number``-th of some requests."""
    lock, seen = threading.Lock(), itertools.count(1)

    def plan(request: Request) -> Fault | None:
        with lock:
            return fault if which(request) and next(seen) == number else None

    return plan


def sometimes(rng: random.Random, share: float, faults: tuple[Fault, ...] = NETWORK) -> Plan:
    """A random fault at a share of all requests."""
    lock = threading.Lock()

    def plan(_: Request) -> Fault | None:
        with lock:
            return rng.choice(faults) if rng.random() < share else None

    return plan


def late(rng: random.Random, share: float) -> Plan:
    """A share of the writes is held back, each key's once: the retry of it goes through."""
    lock, held = threading.Lock(), set[str]()

    def plan(request: Request) -> Fault | None:
        with lock:
            if not request.writes or request.path in held or rng.random() >= share:
                return None
            held.add(request.path)
            return Fault.LATE

    return plan


def lying(rng: random.Random, share: float) -> Plan:
    """A share of the answers with a body lies: bytes about objects, pages about listings."""
    lock = threading.Lock()

    def plan(request: Request) -> Fault | None:
        with lock:
            if request.method != "GET" or rng.random() >= share:
                return None
            return rng.choice((Fault.SHORT_PAGE, Fault.LOST_PAGE) if request.lists else (Fault.FLIP, Fault.CUT_BODY))

    return plan


def copies(request: Request) -> bool:
    """Whether it is the copy that changes what people read."""
    return any(name.lower() == COPIED for name, _ in request.headers) and "/generations/" not in request.path


def commits(request: Request) -> bool:
    """Whether it is the PUT of a manifest."""
    return request.method == "PUT" and "/manifests/" in request.path


def looks_at_plain(request: Request) -> bool:
    """Whether it asks what the plain file is now: the last thing before the copy."""
    return request.method in {"GET", "HEAD"} and PLAIN in request.path.replace("%3D", "=")
