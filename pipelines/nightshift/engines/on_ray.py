"""Ray: a cluster of this machine's cores, for as long as the calls take."""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nightshift.concurrency import cores
from nightshift.engines.launcher import ONE_CORE, TRIES, Item, Result
from nightshift.errors import EngineUnavailable
from nightshift.extras import require

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Without "clusters" Ray's servers listen on loopback only; the switch has no name of its own on Linux.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
}
STORE_BYTES = 80_000_000
"""Of Ray's own store: results are a few hundred bytes each, and rows never pass through it."""


class OnRay:
    """A core to each worker."""

    def run(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """As ``Launcher``."""
        require("ray", "scoring on Ray")
        with _cluster() as ray:
            call = ray.remote(num_cpus=1, max_retries=TRIES - 1)(work)
            waiting = [call.remote(item) for item in items]
            try:
                results: list[Result] = ray.get(waiting)
            except ray.exceptions.RayError as error:
                raise EngineUnavailable(
                    f"Ray gave up on one of {len(items)} calls after {TRIES} tries: {_first_line(error)}",
                    fix="look at its logs; what is finished is kept, and a new try goes on from there",
                ) from error
        return results


@contextmanager
def _cluster() -> Iterator[Any]:
    os.environ.update(QUIET)
    import ray

    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        try:
            ray.init(
                # Whatever RAY_ADDRESS says: the machines of another cluster have no settings of ours.
                address="local",
                num_cpus=cores(),
                include_dashboard=False,
                object_store_memory=STORE_BYTES,
                log_to_driver=False,
                runtime_env={"env_vars": ONE_CORE},
                _temp_dir=folder,
            )
        except Exception as error:
            # On a machine that is too busy, Ray 2.60 raises one of no kind.
            raise EngineUnavailable(
                f"Ray does not start on this machine: {_first_line(error)}",
                fix="look at its logs, or trigger the night with the engine airflow",
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
