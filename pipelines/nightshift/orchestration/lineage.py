"""How Airflow's OpenLineage provider names the lake: Nightshift as an Airflow provider of asset URIs.

Airflow asks installed packages, by the entry point ``apache_airflow_provider``, which of them knows a scheme.
Without an answer for ``s3`` (the Amazon provider has one too) events are emitted with no datasets.
"""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from openlineage.client.event_v2 import Dataset

SCHEMES = ["s3", "models"]


def provider_info() -> dict[str, Any]:
    """What Airflow reads: the schemes of our assets, and who turns one into an OpenLineage dataset."""
    converter = f"{__name__}.{to_openlineage.__name__}"
    return {
        "package-name": "nightshift-batch",
        "name": "Nightshift",
        "description": "Assets of the lake and of the model registry.",
        "asset-uris": [{"schemes": SCHEMES, "handler": None, "to_openlineage_converter": converter}],
    }


def to_openlineage(asset: Any, lineage_context: Any = None) -> "Dataset":
    """``s3://bucket/a/b/`` is ``a/b`` in the namespace ``s3://bucket``; the same for every scheme."""
    from openlineage.client.event_v2 import Dataset

    parts = urlsplit(asset.uri)
    return Dataset(namespace=f"{parts.scheme}://{parts.netloc}", name=parts.path.strip("/") or "/")
