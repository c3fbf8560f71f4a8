"""Celery as Nightshift wants it: workers that have imported what tasks need, and that show that they are alive.

Airflow's ``[celery] celery_config_options`` names ``CONFIG``. Celery forks the processes of a worker, and the Task SDK
each task from one of these: what the worker imported before is there in every task, as with ``WarmLocalExecutor``.
"""

import logging
from pathlib import Path
from typing import Any

from airflow.providers.celery.executors.default_celery import DEFAULT_CELERY_CONFIG
from celery.signals import heartbeat_sent, import_modules

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.orchestration.warmth import share_with_forks

CONFIG: dict[str, Any] = {
    **DEFAULT_CELERY_CONFIG,
    # A connection that Redis lost is tried for as long as it takes, also at the start.
    "broker_connection_max_retries": None,
    "broker_connection_retry_on_startup": True,
}
BEATS = Path("/tmp/worker-beats")  # noqa: S108 - of one container alone, in its memory
"""Touched at each heartbeat of the worker's main process: docker/beating.py looks at it."""


@import_modules.connect
def warm_up(**_: object) -> None:
    """Before the worker forks."""
    # Here is where scikit-learn is first imported.
    let_openmp_threads_sleep()
    logging.getLogger("great_expectations").setLevel(logging.WARNING)  # hundreds of lines at import
    share_with_forks()


@heartbeat_sent.connect
def show_life(**_: object) -> None:
    """In the worker's main process."""
    BEATS.touch()
