"""A Celery worker imports what tasks need before it forks, and shows that it lives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("airflow.providers.celery")

LOADED = """
import json, sys
from airflow.providers.celery.executors.celery_executor_utils import app
before = "pyarrow.dataset" in sys.modules
app.loader.import_default_modules()
json.dump({
    "before": before,
    "after": [name for name in ("pandas", "onnxruntime", "mlflow", "nightshift.steps.score") if name in sys.modules],
    "retries": app.conf.broker_connection_max_retries,
    "late": app.conf.task_acks_late,
}, sys.stdout)
"""


def test_the_worker_is_warm_before_it_forks(tmp_path: Path) -> None:
    configured = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CELERY__BROKER_URL": "redis://127.0.0.1:1/0",
        "AIRFLOW__CELERY__CELERY_CONFIG_OPTIONS": "nightshift.orchestration.celery_worker.CONFIG",
        "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LOADED],
        env={**os.environ, **configured}, capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded == {
        "before": False,
        "after": ["pandas", "onnxruntime", "mlflow", "nightshift.steps.score"],
        "retries": None,
        "late": True,
    }
