"""What a night's tasks find done already in the process that they are forked from.

Imports, parsed files that never change, and digests of our own code cost a small task more than its work. They are made
once before the first fork and shared by all. Our own modules are as they were then: where a file of them has changed
since, as in an upgrade under a running scheduler, a task forgets them all and loads what lies there now. So what a
result says of its code is true of what made it.
"""

import importlib
import logging
import os
import sys
import warnings
from pathlib import Path

PRELOAD = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "boto3",
    "sklearn.ensemble",
    "onnxruntime",
    "mlflow",
    "mlflow.tracking.request_header.registry",
    "great_expectations",
)
STEPS = (
    "nightshift.orchestration.families",
    "nightshift.pages.refresh",
    "nightshift.steps._engine",
    "nightshift.steps.conclude",
    "nightshift.steps.govern",
    "nightshift.steps.ingest",
    "nightshift.steps.monitor",
    "nightshift.steps.plan",
    "nightshift.steps.publish",
    "nightshift.steps.score",
    "nightshift.steps.validate",
)
"""What the tasks of a night import; those of a training are rare, and theirs is what scoring never loads."""
log = logging.getLogger("nightshift")
PACKAGE = "nightshift"
COMPILED = "__pycache__"
TASKS = 2
"""A worker is forked from the scheduler, and a task from its worker."""
GONE = (0, 0)
FileState = tuple[int, int]
"""When a file was changed last, in nanoseconds, and its bytes."""


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


def prepare() -> None:
    """Make what tasks would make each for itself. It starts no thread and opens no connection."""
    from botocore.exceptions import BotoCoreError

    from nightshift.monitoring import templates
    from nightshift.s3.client import read_service_models
    from nightshift.scoring.machine import ScoringMachine
    from nightshift.validation import data_docs

    try:
        read_service_models()
    except BotoCoreError as error:
        # As a profile that nobody configured: the tasks that speak to S3 say so, each in its log.
        log.warning("what is known of S3 is not shared: %s", error)
    ScoringMachine.here()
    templates.compile_templates()
    data_docs.compile_templates()


def share_with_forks() -> int:
    """Do all of it; how many modules it imported. No fork runs code of ours that is not what lies on the disk."""
    # Before the first import: what changes while they are made has changed since.
    known = files_of_package()
    wanted = (*PRELOAD, *STEPS)
    missing = preload(wanted)
    prepare()
    forks = Forks(known)
    os.register_at_fork(after_in_child=forks.begun)
    return len(wanted) - len(missing)


class Forks:
    """Forks of the process that shared, and theirs: workers, and their tasks. What a task forks goes on as the task."""

    def __init__(self, known: dict[Path, FileState]) -> None:
        self._known = known
        self._depth = 0

    def begun(self) -> None:
        """In a new fork: forget what changed, unless a task that runs already has forked it."""
        self._depth += 1
        if self._depth <= TASKS:
            forget_if_changed(self._known)


def forget_if_changed(known: dict[Path, FileState]) -> bool:
    """Let the next import of a module of ours read its file, if any file is another than it was."""
    if files_of_package() == known:
        return False
    for name in list(sys.modules):
        if name == PACKAGE or name.startswith(f"{PACKAGE}."):
            del sys.modules[name]
    importlib.invalidate_caches()
    return True


def files_of_package() -> dict[Path, FileState]:
    """Every file of the package as it lies there now, but for what Python compiled."""
    root = Path(__file__).parents[1]
    files = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name != COMPILED]
        for name in names:
            file = Path(folder, name)
            files[file] = _state_of(file)
    return files


def _state_of(file: Path) -> FileState:
    try:
        state = file.stat()
    except OSError:
        # It went while it was looked at. An error here would go unseen, and old code would run.
        return GONE
    return (state.st_mtime_ns, state.st_size)
