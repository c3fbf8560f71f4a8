"""Let a night pass only if it is what the spec promises."""

import json
from dataclasses import dataclass

from pipelines.contracts import PartitionRef
from pipelines.errors import ExpectationsFailed
from pipelines.spec import ModelSpec, parse_partition
from pipelines.steps.ingest import RAW
from pipelines.stores import Stores
from pipelines.stores.expectations import Breach, Outcome, check_night

VALIDATED = "validated"
MOST_SHOWN = 10


@dataclass(frozen=True)
class Reports:
    """Where the results of a night's validation lie in the lake."""

    json: str
    html: str


def validate(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Check ``raw/`` and publish the same rows to ``validated/``; results are kept either way.

    Raises ``MissingPartition``, and ``ExpectationsFailed`` naming column, expectation, observed value
    and examples; then ``validated/`` stays as it was.
    """
    parse_partition(partition)
    column = spec.partition.column
    manifest = stores.lake.require(RAW, spec.name, column, partition)
    draft = stores.lake.begin(VALIDATED, spec.name, column, partition)
    table = stores.lake.read(manifest)
    outcome = check_night(spec, table.to_pandas(), f"{spec.name} {partition}")
    reports = _keep(spec, partition, outcome, stores)
    if outcome.breaches:
        page = f"{stores.lake.objects.uri}/{reports.html}"
        raise ExpectationsFailed(
            f"{spec.name} {partition} refused: {len(outcome.breaches)} of"
            f" {outcome.expectations} expectations broken:\n{_listed(outcome.breaches)}",
            fix=f"read {page}; mend the source, then trigger {spec.name}.ingest again",
        )
    provenance = stores.provenance(input=manifest.digest, validation=reports.json, expectations=outcome.expectations)
    return stores.lake.publish(draft, table, provenance=provenance)


def reports_of(spec: ModelSpec, partition: str) -> Reports:
    """Keys of the validation results: JSON, and the Data Docs page."""
    folder = f"reports/validation/{spec.name}/{spec.partition.column}={partition}"
    return Reports(f"{folder}/result.json", f"{folder}/data_docs.html")


def _keep(spec: ModelSpec, partition: str, outcome: Outcome, stores: Stores) -> Reports:
    reports = reports_of(spec, partition)
    stores.lake.objects.put(reports.json, json.dumps(outcome.json, indent=1).encode(), "application/json")
    stores.lake.objects.put(reports.html, outcome.html.encode(), "text/html; charset=utf-8")
    return reports


def _listed(breaches: list[Breach]) -> str:
    lines = [f"  {breach}" for breach in breaches[:MOST_SHOWN]]
    if len(breaches) > MOST_SHOWN:
        lines.append(f"  ... and {len(breaches) - MOST_SHOWN} more")
    return "\n".join(lines)
