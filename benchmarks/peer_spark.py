"""Spark's ``mapInArrow`` in ``local[cores]``: Python workers are kept from pass to pass, and so are their sessions.

Spark speaks S3 through ``hadoop-aws``, which only Maven has: here it reads and writes local files, which only
favours it. Java comes as a wheel, as fast as Debian's. Tried: batches of 16k and 64k rows, partitions of 16 and
64 MiB, G1 and the parallel collector all cost the same; the first pass costs thrice, for the compiler.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyarrow as pa

from benchmarks.java import java_home
from benchmarks.peer_child import Job, cores, serve
from benchmarks.peer_graph import needed, opened

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH_ROWS = 16_384
PARTITION_BYTES = "16m"


@contextmanager
def start(job: Job) -> Iterator[Callable[[], None]]:
    with tempfile.TemporaryDirectory(prefix="spark-") as folder:
        spark = session(Path(folder))
        columns = needed(job.graph, job.keys)
        try:
            yield lambda: score(spark, job, columns)
        finally:
            spark.stop()


def session(folder: Path) -> "SparkSession":
    """Everything on loopback and under ``folder``."""
    import sys

    from pyspark.sql import SparkSession

    environ.update(JAVA_HOME=str(java_home(folder / "java")), PYSPARK_PYTHON=sys.executable, SPARK_LOCAL_IP="127.0.0.1")
    settings = {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "2g",
        "spark.local.dir": str(folder),
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
        "spark.sql.files.maxPartitionBytes": PARTITION_BYTES,
        "spark.sql.warehouse.dir": str(folder),
        "spark.ui.enabled": "false",
    }
    return SparkSession.builder.master(f"local[{cores()}]").config(map=settings).getOrCreate()


def score(spark: "SparkSession", job: Job, columns: list[str]) -> None:
    """One pass over warm workers."""
    from pyspark.sql.types import BooleanType, FloatType, StructField, StructType

    rows = spark.read.parquet(urlsplit(job.input_uri).path).select(*columns)
    kept = [rows.schema[key] for key in job.keys]
    schema = StructType([*kept, StructField("score", FloatType()), StructField("prediction", BooleanType())])
    parquet = rows.mapInArrow(predictor(job), schema).write.mode("overwrite")
    options = {"compression": "zstd", "parquet.compression.codec.zstd.level": "1"}
    parquet.options(**options).parquet(urlsplit(job.output_uri).path)


def predictor(job: Job) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What each Python worker does with a partition."""

    def predict(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        graph = opened(job.graph, tuple(job.keys), job.threshold)
        for rows in batches:
            yield pa.RecordBatch.from_pydict(graph.columns(rows))

    return predict


if __name__ == "__main__":
    serve(start)
