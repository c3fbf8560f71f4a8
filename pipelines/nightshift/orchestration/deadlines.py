"""A deadline of Airflow for each night that model.yaml wants published by a time of day.

It stands on the three Dags that a night goes through: whichever of them has not ended well by then has its deadline
missed, and what is told of it is asked of the lake. A run that begins for an old night has none.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any, ClassVar

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import REFERENCE_TYPE_FIELD, BaseDeadlineReference, DeadlineAlert

from nightshift.alerts import clock
from nightshift.alerts.lateness import deadline_of
from nightshift.orchestration.notifier import NIGHT_IS_LATE, NightNotifier
from nightshift.spec import ModelSpec
from nightshift.spec.night import Partition


@dataclass(eq=False)
class NightPublishedBy(BaseDeadlineReference):
    """When the night of a run is due; Airflow asks it for each run that is made."""

    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    partition: dict[str, Any] | None = None
    published_by: str = ""

    def serialize_reference(self) -> dict[str, Any]:
        """As Airflow keeps it with the Dag."""
        return {
            REFERENCE_TYPE_FIELD: self.reference_name,
            "partition": self.partition,
            "published_by": self.published_by,
        }

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> "NightPublishedBy":
        """As it was kept."""
        partition = reference_data["partition"]
        return cls(partition, reference_data["published_by"])

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> dt.datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        wanted = select(DagRun.partition_key).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        night = session.scalar(wanted)
        if night is None or self.partition is None:
            return None
        partition = Partition.model_validate(self.partition)
        return deadline_of(partition, self.published_by, night, clock.now())


def deadline(spec: ModelSpec) -> DeadlineAlert | None:
    """Of a Dag that a night goes through; None where model.yaml has no ``night.published_by``."""
    published_by = spec.night.published_by
    if published_by is None:
        return None
    return DeadlineAlert(
        name=f"{spec.name} published by {published_by}",
        reference=NightPublishedBy(spec.partition.model_dump(mode="json"), published_by),
        interval=dt.timedelta(),
        callback=AsyncCallback(NightNotifier, kwargs={"happening": NIGHT_IS_LATE, "model": spec.name}),
    )
