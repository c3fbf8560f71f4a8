"""Airflow Dags of the same shape as a night's, by assets and partitions, whose tasks do nothing."""

import datetime as dt

from airflow.sdk import DAG, Asset, CronPartitionTimetable, PartitionedAssetTimetable, StartOfDayMapper, task

FORMAT = "%Y-%m-%d"
START = dt.datetime(2013, 1, 1, tzinfo=dt.UTC)
RAW = Asset(name="empty.raw", uri="empty://raw/")
VALIDATED = Asset(name="empty.validated", uri="empty://validated/")
PREDICTIONS = Asset(name="empty.predictions", uri="empty://predictions/")


@task
def nothing(given: object = None) -> int:
    """Cost what any task costs."""
    return 0


@task
def one_shard() -> list[int]:
    """What a mapped task maps over."""
    return [0]


def after(asset: Asset) -> PartitionedAssetTimetable:
    """As the real Dags: one night upstream is one night downstream."""
    mapper = StartOfDayMapper(timezone="America/New_York", input_format=FORMAT, output_format=FORMAT)
    return PartitionedAssetTimetable(assets=asset, default_partition_mapper=mapper)


every_night = CronPartitionTimetable("0 2 * * *", timezone="America/New_York", key_format=FORMAT)

with DAG("empty.ingest", schedule=every_night, start_date=START, catchup=False):
    nothing.override(task_id="ingest", outlets=[RAW])()
    nothing.override(task_id="labels")()

with DAG("empty.validate", schedule=after(RAW), start_date=START, catchup=False):
    nothing.override(task_id="validate", outlets=[VALIDATED])()

with DAG("empty.predict", schedule=after(VALIDATED), start_date=START, catchup=False):
    scored = nothing.override(task_id="score").expand(given=one_shard.override(task_id="plan")())
    nothing.override(task_id="publish", outlets=[PREDICTIONS])(scored)

with DAG("empty.monitor", schedule=after(PREDICTIONS), start_date=START, catchup=False):
    report = nothing.override(task_id="monitor")()
    decision = nothing.override(task_id="govern")(report)
    decision >> nothing.override(task_id="retrain")() >> nothing.override(task_id="confirm")()
