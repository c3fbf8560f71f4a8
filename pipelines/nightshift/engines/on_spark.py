"""Spark: this machine's cores, for as long as the calls take."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nightshift.concurrency import cores
from nightshift.engines.launcher import ONE_CORE, TRIES, Item, Result
from nightshift.errors import EngineUnavailable, UsageError
from nightshift.extras import require

LOOPBACK = "127.0.0.1"


class OnSpark:
    """A core to each worker."""

    def run(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """As ``Launcher``."""
        require("spark", "scoring on Spark")
        _require_java()
        with _session() as spark:
            from py4j.protocol import Py4JError

            calls = spark.sparkContext.parallelize(items, len(items)).map(work)
            try:
                results: list[Result] = calls.collect()
            except Py4JError as error:
                raise EngineUnavailable(
                    f"Spark gave up on one of {len(items)} calls after {TRIES} tries: {_reason(error)}",
                    fix="look at its logs; what is finished is kept, and a new try goes on from there",
                ) from error
        return results


@contextmanager
def _session() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    with tempfile.TemporaryDirectory(prefix="spark-") as folder:
        settings = {
            # A call that a worker took with it is made again; what is a person's mistake comes back as a result.
            "spark.task.maxFailures": str(TRIES),
            "spark.speculation": "false",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.bindAddress": LOOPBACK,
            "spark.driver.host": LOOPBACK,
            "spark.local.dir": folder,
            "spark.sql.warehouse.dir": folder,
            **{f"spark.executorEnv.{name}": value for name, value in ONE_CORE.items()},
        }
        # The second number is how often a call is made at most; plain local[2] makes none again.
        master = f"local[{cores()},{TRIES}]"
        spark = SparkSession.builder.master(master).appName("nightshift").config(map=settings).getOrCreate()
        spark.sparkContext.setLogLevel("OFF")
        try:
            yield spark
        finally:
            spark.stop()


def _require_java() -> None:
    """Raises ``UsageError``: Spark would say so in twenty lines."""
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else shutil.which("java")
    if java is None or not Path(java).is_file():
        raise UsageError(
            f"Spark runs on Java 17 or later, and there is none {'in JAVA_HOME' if home else 'on the PATH'}",
            fix="install it: apt-get install openjdk-17-jre-headless",
        )


def _reason(error: Exception) -> str:
    """The line of Java's trace that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if "Exception: " in line]
    return (causes or lines or [type(error).__name__])[-1][:300]
