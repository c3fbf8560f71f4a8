"""The Airflow assets of a model, each named once. A partition travels in the event, never in the URI."""

from airflow.sdk import Asset

from nightshift.contracts import Dataset
from nightshift.settings import settings
from nightshift.spec import ModelSpec
from nightshift.stores import layout


def dataset(spec: ModelSpec, name: Dataset) -> Asset:
    """A dataset of a model, by the address that people read it under; its nights start the next Dag."""
    uri = f"{settings().lake}/{layout.served(name, spec.name)}"
    return Asset(name=f"{spec.name}.{name}", uri=uri, group="lake")


def champion(spec: ModelSpec) -> Asset:
    """The version that scores; an event means that it changed."""
    uri = f"models://{spec.name}/champion"
    return Asset(name=f"{spec.name}.champion", uri=uri, group="registry")
