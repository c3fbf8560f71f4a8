"""``page.*``: the page of a model with many nights, and the index of many models, as somebody waits for them."""

import time
from collections.abc import Callable
from typing import Any

from benchmarks.many_nights import write_nights
from benchmarks.requests import counted
from benchmarks.world import World
from nightshift.pages import html
from nightshift.pages.index import read_index
from nightshift.pages.links import VIEWS, ServedLinks
from nightshift.pages.look import look_at
from nightshift.pages.overview import MOST_WHEN_NEW
from nightshift.spec import ModelSpec
from nightshift.stores.aliases import AliasMove
from nightshift.stores.registry import CHAMPION

MOVES = 300
MODELS = 100
NIGHTS_OF_MODEL = 3
LINKS = ServedLinks("/nightshift")
LONGEST = "1100"


def of_nights(world: World, spec: ModelSpec) -> dict[str, float]:
    """A model's page when nothing of it was read, and when all was; what its ledger costs is in it."""
    _move_champion(world, spec)
    cold, cold_seconds, _ = _measured(world, lambda: _model_page(world, spec, "90"))
    loads = 1
    while _unread(world, spec):
        loads += 1
    usual, usual_seconds, _ = _measured(world, lambda: _model_page(world, spec, "90"))
    warm, seconds, page = _measured(world, lambda: _model_page(world, spec, LONGEST))
    return {
        "page.requests": warm,
        "page.seconds": seconds,
        "page.kilobytes": len(page) / 1_000,
        "page.requests_of_90": usual,
        "page.seconds_of_90": usual_seconds,
        "page.cold_requests": cold,
        "page.cold_seconds": cold_seconds,
        "page.cold_loads": loads,
    }


def of_models(world: World) -> dict[str, float]:
    """The index of a hundred models; the first load makes some of their rows, the next ones the rest."""
    specs = [world.spec.model_copy(update={"name": f"bench_index_{number:03}"}) for number in range(MODELS)]
    for spec in specs:
        write_nights(world.stores.lake, spec, NIGHTS_OF_MODEL)
    cold, cold_seconds, _ = _measured(world, lambda: _index_page(world, specs))
    loads = 1
    while any(entry.row is None for entry in read_index(specs, world.stores)):
        loads += 1
    read_index(specs, world.stores)
    warm, seconds, _ = _measured(world, lambda: _index_page(world, specs))
    return {
        "page.index_requests": warm,
        "page.index_seconds": seconds,
        "page.index_cold_requests": cold,
        "page.index_cold_seconds": cold_seconds,
        "page.index_cold_loads": loads,
    }


def _move_champion(world: World, spec: ModelSpec) -> None:
    ledger = world.stores.aliases.ledger(spec.name)
    for number in range(MOVES):
        head = ledger.head()
        move = AliasMove(
            model=spec.name,
            alias=CHAMPION,
            before=head.version(CHAMPION),
            after=str(number + 1),
            reason="bench",
            origin={},
        )
        ledger.append(head, move)


def _unread(world: World, spec: ModelSpec) -> int:
    nights, _ = VIEWS[LONGEST]
    look = look_at(spec, world.stores, most=nights, requests=MOST_WHEN_NEW)
    return sum(not night.is_read for night in look.view.nights)


def _model_page(world: World, spec: ModelSpec, view: str) -> str:
    nights, _ = VIEWS[view]
    look = look_at(spec, world.stores, most=nights, requests=MOST_WHEN_NEW)
    return html.model_page(look, LINKS, "", view)


def _index_page(world: World, specs: list[ModelSpec]) -> str:
    return html.index_page(read_index(specs, world.stores), [], LINKS)


def _measured(world: World, make: Callable[[], Any]) -> tuple[int, float, Any]:
    """Requests, seconds, and what was made."""
    with counted(world.stores.lake) as requests:
        started = time.perf_counter()
        made = make()
        seconds = time.perf_counter() - started
    return requests.total(), seconds, made
