"""Where a published night came from: model, graph, training data, validated night, code, runs."""

from typing import Any

from pipelines.spec import ModelSpec, parse_partition
from pipelines.steps.plan import PREDICTIONS
from pipelines.steps.validate import VALIDATED, reports_of
from pipelines.stores import Stores


def explain(spec: ModelSpec, partition: str, stores: Stores) -> dict[str, Any]:
    """The provenance of a night's predictions, from its manifest and the one it was made from.

    Raises ``UsageError``, ``MissingPartition``.
    """
    parse_partition(partition)
    lake, column = stores.lake, spec.partition.column
    night = lake.require(PREDICTIONS, spec.name, column, partition)
    pin, said = night.provenance["pin"], night.provenance
    validated = lake.manifest(VALIDATED, spec.name, column, partition)
    same = validated is not None and validated.digest == said["input"]
    return {
        "model": spec.name,
        "partition": partition,
        "rows": {"in": night.rows_in, "published": night.rows, "quarantined": night.rows_quarantined},
        "read it": f"{lake.objects.uri}/{PREDICTIONS}/{spec.name}/{column}={partition}/",
        "generation": night.generation,
        "model version": pin["version"],
        "mlflow run": pin["run_id"],
        "onnx sha256": pin["sha256"],
        "trained through": pin["trained_through"],
        "dvc md5": pin["snapshot_md5"],
        "code commit": said.get("commit", "unknown"),
        "airflow run": said.get("airflow_run", "none: by the command line"),
        "airflow url": said.get("airflow_url", ""),
        "input digest": said["input"],
        "input now": "unchanged" if same else "published anew since; run predict again to use it",
        "validation": f"{lake.objects.uri}/{reports_of(spec, partition).html}",
    }
