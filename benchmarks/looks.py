"""``figures.*``: what a look at the lake costs that ``nightshift metrics`` takes, at many models and at many nights."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.many_nights import AT_ONCE, PIN, Written, night_records, nights_from
from benchmarks.requests import counted
from benchmarks.world import World
from nightshift.figures.look import LakeLook
from nightshift.figures.model import MOST_REQUESTS
from nightshift.settings import Settings
from nightshift.spec import ModelSpec, load_spec
from nightshift.stores import Stores
from nightshift.stores.aliases import AliasMove
from nightshift.stores.registry import CHAMPION

MODELS = 100
NIGHTS = 1_000
FEW_NIGHTS = 40
"""More than a look reads of, so that more of them change nothing but the first listing."""


def figures(world: World) -> dict[str, float]:
    """Requests of a look a model, the first and later ones; and seconds of one at a hundred models."""
    folder = world.settings.models / world.spec.name
    one = looked(world.stores, folder, 1, NIGHTS)
    many = looked(world.stores, folder, MODELS, FEW_NIGHTS)
    return {
        "figures.cold_requests_at_1000_nights": one["cold_requests"],
        "figures.requests_at_1000_nights": one["requests"],
        "figures.cold_requests_per_model": many["cold_requests"] / MODELS,
        "figures.requests_per_model": many["requests"] / MODELS,
        "figures.cold_seconds_of_100_models": many["cold_seconds"],
        "figures.seconds_of_100_models": many["seconds"],
    }


def looked(stores: Stores, folder: Path, models: int, nights: int) -> dict[str, float]:
    """The first look at so many models of so many nights, and the next, when nothing has changed."""
    with copies(stores, folder, models) as (project, specs):
        _write(project, specs, nights)
        look = LakeLook(project)
        cold_requests, cold_seconds = _taken(project, look)
        requests, seconds = _taken(project, look)
    assert look.is_up
    assert all(known.is_up for known in look.models.values())
    assert cold_requests <= MOST_REQUESTS * models
    return {
        "cold_requests": cold_requests,
        "cold_seconds": cold_seconds,
        "requests": requests,
        "seconds": seconds,
    }


@contextmanager
def copies(stores: Stores, folder: Path, models: int) -> Iterator[tuple[Stores, list[ModelSpec]]]:
    """A project of so many copies of a model, in a lake of its own."""
    with tempfile.TemporaryDirectory(prefix="nightshift-looks-") as root:
        text = (folder / "model.yaml").read_text()
        specs = []
        for number in range(models):
            name = f"bench_{models}_{number}"
            shutil.copytree(folder, Path(root) / "models" / name)
            file = Path(root) / "models" / name / "model.yaml"
            file.write_text(text.replace(f"name: {folder.name}", f"name: {name}"))
            specs.append(load_spec(file))
        settings = stores.settings.model_dump() | {
            "project": Path(root),
            "lake": f"{stores.settings.lake}/looks_{models}",
        }
        yield Stores(Settings.model_validate(settings), {"by": "bench"}), specs


def _write(stores: Stores, specs: list[ModelSpec], nights: int) -> None:
    objects = stores.lake.objects
    for spec in specs:
        move = AliasMove(model=spec.name, alias=CHAMPION, before=None, after=PIN.version, reason="bench", origin={})
        ledger = stores.aliases.ledger(spec.name)
        ledger.append(ledger.head(), move)

    def write(written: Written) -> None:
        objects.put(written.key, written.body)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for spec in specs:
            last = spec.partition.start
            list(pool.map(write, night_records(spec, nights_from(last, nights))))


def _taken(stores: Stores, look: LakeLook) -> tuple[int, float]:
    with counted(stores.lake) as requests:
        started = time.perf_counter()
        look.take()
        seconds = time.perf_counter() - started
    return requests.total(), seconds
