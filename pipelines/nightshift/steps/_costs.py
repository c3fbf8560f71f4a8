"""What a step costs, on the run of MLflow that shows it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nightshift.training.cost import StageCosts


@contextmanager
def logged(mlflow: Any) -> Iterator[StageCosts]:
    """Costs of the stages that the block names, as metrics of the active run once the block has ended well."""
    with StageCosts() as costs:
        yield costs
    mlflow.log_metrics(costs.metrics())
