"""The Airflow assets of a model, each named once. A partition travels in the event, never in the URI."""

from airflow.sdk import Asset

from nightshift.settings import settings
from nightshift.spec import ModelSpec


def dataset(spec: ModelSpec, name: str) -> Asset:
    """``raw``, ``validated`` or ``predictions`` of a model."""
    return Asset(name=f"{spec.name}.{name}", uri=f"{settings().lake}/{name}/{spec.name}/", group="lake")


def champion(spec: ModelSpec) -> Asset:
    """The version that scores; an event means that it changed."""
    return Asset(name=f"{spec.name}.champion", uri=f"models://{spec.name}/champion", group="registry")
