"""A LocalExecutor whose workers, and so all tasks, find what every night needs done already.

Airflow's LocalExecutor forks its workers from the scheduler, and the Task SDK forks each task
from its worker. What the scheduler has imported and read before the first fork is there in every task,
in shared memory. Without this, each task pays seconds for its own imports.
"""

import time

from airflow.executors.local_executor import LocalExecutor

from nightshift.concurrency import let_openmp_threads_sleep
from nightshift.orchestration.warmth import share_with_forks


class WarmLocalExecutor(LocalExecutor):
    """LocalExecutor that imports what tasks need before it forks its workers."""

    def start(self) -> None:
        """Import, then start the workers."""
        # Here is where scikit-learn is first imported.
        let_openmp_threads_sleep()
        if self.is_mp_using_fork:
            began = time.monotonic()
            imported = share_with_forks()
            self.log.info("Imported %d modules in %.1f s", imported, time.monotonic() - began)
        super().start()
