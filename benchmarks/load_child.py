"""One side of ``load.*``, in a process of its own: a range of nights loaded by the code that PYTHONPATH leads to."""

import importlib
import json
import multiprocessing.forkserver
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

FORMER = "pipelines"
"""The package before it was named ``nightshift``: it loads in one process."""


def main() -> None:
    """Load from the first to the last night, and print what it cost and how it ended, as JSON."""
    package, model, first, last = sys.argv[1:]
    part = _importer(package)
    settings = part("settings").load_settings()
    spec = part("spec").find_spec(settings.models, model)
    stores = part("stores").Stores(settings, {"by": "benchmarks"})
    options = {} if package == FORMER else {"workers": part("concurrency").cores()}
    refused = None
    began = time.perf_counter()
    try:
        part("steps.load").load(spec, first, last, stores, **options)
    except part("errors").ExpectationsFailed as error:
        refused = error.message
    seconds = time.perf_counter() - began
    # Whoever is waited for is counted: the processes beside this one too.
    multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    told = {
        "seconds": seconds,
        "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in used),
        "peak_mib": max(usage.ru_maxrss for usage in used) / 1024,
        "refused": refused,
    }
    print(json.dumps(told))


def _importer(package: str) -> Callable[[str], Any]:
    return lambda name: importlib.import_module(f"{package}.{name}")


if __name__ == "__main__":
    main()
