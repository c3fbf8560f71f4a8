"""The flights in a lake, as far as the training of params.yaml looks back: ingested afresh, by two processes."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import yaml

from nightshift.settings import Settings
from nightshift.spec import ModelSpec, find_spec
from nightshift.steps.load import Loaded, chunks, load, window
from nightshift.stores import Stores

PROCESSES = 2


class LoadedFlights(NamedTuple):
    """The model of params.yaml, as of when it is trained, and what each of the processes loaded."""

    spec: ModelSpec
    as_of: str
    stores: Stores
    loaded: list[Loaded]


def load_flights(repository: Path, stores: Stores) -> LoadedFlights:
    """Every night of the window, in stores that have none yet."""
    parameters = yaml.safe_load((repository / "params.yaml").read_text())
    spec = find_spec(repository / "models", parameters["model"])
    as_of = str(parameters["as_of"])
    home = {"NIGHTSHIFT_HOME": str(stores.settings.home), "NIGHTSHIFT_PROJECT": str(repository)}
    ranges = chunks(*window(spec, as_of), parts=PROCESSES)
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = [pool.submit(_load_in_process, spec, *nights, stores.settings, home) for nights in ranges]
        loaded = [one.result() for one in done]
    return LoadedFlights(spec, as_of, stores, loaded)


def _load_in_process(spec: ModelSpec, first: str, last: str, settings: Settings, environment: dict[str, str]) -> Loaded:
    os.environ.update(environment)
    return load(spec, first, last, Stores(settings))
