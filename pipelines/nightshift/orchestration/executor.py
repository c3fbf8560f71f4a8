"""A LocalExecutor whose workers, and so all tasks, find the heavy libraries imported.

Airflow's LocalExecutor forks its workers from the scheduler, and the Task SDK forks each task
from its worker. What the scheduler has imported before the first fork is there in every task,
in shared memory. Without this, each task pays seconds for its own imports.
"""

import importlib
import time
import warnings

from airflow.executors.local_executor import LocalExecutor

from nightshift.concurrency import let_openmp_threads_sleep

PRELOAD = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "boto3",
    "sklearn.ensemble",
    "onnxruntime",
    "mlflow",
    "great_expectations",
)


class WarmLocalExecutor(LocalExecutor):
    """LocalExecutor that imports ``PRELOAD`` before it forks its workers."""

    def start(self) -> None:
        """Import, then start the workers."""
        # Here is where scikit-learn is first imported.
        let_openmp_threads_sleep()
        if self.is_mp_using_fork:
            began = time.monotonic()
            missing = preload()
            self.log.info("Imported %d modules in %.1f s", len(PRELOAD) - len(missing), time.monotonic() - began)
        super().start()


def preload(modules: tuple[str, ...] = PRELOAD) -> list[str]:
    """Import ``modules``; those that cannot be imported are left to the task that needs them."""
    missing = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in modules:
            try:
                importlib.import_module(name)
            except ImportError:
                missing.append(name)
    return missing
