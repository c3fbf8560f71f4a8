"""The Airflow assets of a model, each named once. A partition travels in the event, never in the URI."""

from airflow.sdk import Asset

from nightshift.contracts import Dataset
from nightshift.settings import settings
from nightshift.spec import ModelSpec
from nightshift.stores import layout


def dataset(spec: ModelSpec, dataset: Dataset) -> Asset:
    """A dataset of a model, by the address that people read it under."""
    uri = f"{settings().lake}/{layout.served(dataset, spec.name)}"
    return Asset(name=f"{spec.name}.{dataset}", uri=uri, group="lake")


def champion(spec: ModelSpec) -> Asset:
    """The version that scores; an event means that it changed."""
    return Asset(name=f"{spec.name}.champion", uri=f"models://{spec.name}/champion", group="registry")
