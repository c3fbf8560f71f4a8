"""Let a night pass only if it is what the spec promises, without the rows that the spec says to drop."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from nightshift.contracts import Dataset, PartitionRef
from nightshift.errors import ExpectationsFailed
from nightshift.partitions import parse_partition
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.lake import GenerationDraft
from nightshift.stores.manifest import DataFile, Manifest
from nightshift.stores.parquet import nullable, schema_of, with_dictionaries
from nightshift.validation import references
from nightshift.validation.checks import RowCheck, row_checks
from nightshift.validation.expectations import MOST_ROWS, native, report
from nightshift.validation.night_checks import UniqueKeys, row_counts
from nightshift.validation.quarantine import RowFilter
from nightshift.validation.quarantine import schema as quarantine_schema
from nightshift.validation.results import Breach, CheckResult, ValidationResult
from nightshift.validation.scan import PartitionReader, ScanResult, findings, survey

MOST_SHOWN = 10


@dataclass(frozen=True)
class ValidationReports:
    """Where the results of a night's validation lie in the lake."""

    json: str
    html: str


@dataclass(frozen=True)
class CheckedNight:
    """What a raw night is like: the outcome of its checks, and what tells the rows to drop, if there are any."""

    outcome: ValidationResult
    sieve: RowFilter | None


def validate(spec: ModelSpec, partition: str, stores: Stores) -> PartitionRef:
    """Check ``raw/`` and publish its rows to ``validated/``, those to drop to ``quarantine/``; reports are kept.

    Raises ``MissingPartition``, and ``ExpectationsFailed`` naming column, expectation, observed value
    and examples, or the share of rows to drop; then both datasets stay as they were.
    """
    parse_partition(partition)
    column, lake = spec.partition.column, stores.lake
    raw = lake.require(Dataset.RAW, spec.name, column, partition)
    aside, draft = (
        lake.begin(dataset, spec.name, column, partition) for dataset in (Dataset.QUARANTINE, Dataset.VALIDATED)
    )
    checked = check(spec, raw, stores)
    reports = _keep(spec, partition, checked.outcome, stores)
    _refuse_breaches(spec, partition, checked.outcome, f"{lake.objects.uri}/{reports.html}")
    files, dropped = _sifted(spec, raw, checked.sieve, aside, draft, stores)
    provenance = stores.provenance(input=raw.digest, validation=reports.json, expectations=checked.outcome.expectations)
    return lake.commit(draft, files, _schema(spec), rows_in=raw.rows, rows_quarantined=dropped, provenance=provenance)


def check(spec: ModelSpec, raw: Manifest, stores: Stores) -> CheckedNight:
    """Look at a night, and publish nothing. Raises ``SpecError`` for files that the spec names wrongly."""
    night = PartitionReader(spec, raw, stores.lake)
    found = survey(spec, night, raw.rows, row_checks(spec, references.read(spec, stores)))
    seen = findings(spec, found, row_counts(spec, _rows_before(spec, raw.partition, stores)))
    return CheckedNight(_report(spec, raw, seen, stores), _sieve(night, seen, found))


def _schema(spec: ModelSpec) -> pa.Schema:
    return nullable(schema_of(spec.columns))


def reports_of(spec: ModelSpec, partition: str) -> ValidationReports:
    """Keys of the validation results: JSON, and the Data Docs page."""
    folder = f"reports/validation/{spec.name}/{spec.partition.column}={partition}"
    return ValidationReports(f"{folder}/result.json", f"{folder}/data_docs.html")


def _rows_before(spec: ModelSpec, partition: str, stores: Stores) -> list[int]:
    if spec.night.history is None:
        return []
    there = [night for night in stores.lake.partitions(Dataset.VALIDATED, spec.name) if night < partition]
    last = there[-spec.night.history.nights :]
    return [stores.lake.require(Dataset.VALIDATED, spec.name, spec.partition.column, night).rows_in for night in last]


def _report(spec: ModelSpec, raw: Manifest, seen: list[CheckResult], stores: Stores) -> ValidationResult:
    file = spec.night.great_expectations
    own = native(stores.settings.models / spec.name / file) if file else []
    # Its own expectations need the rows, however many: who names them says that there is room.
    frame = None
    if own or raw.rows <= MOST_ROWS:
        frame = stores.lake.read(raw).to_pandas(integer_object_nulls=True)
    return report(seen, f"{spec.name} {raw.partition}", frame, own)


def _keep(spec: ModelSpec, partition: str, outcome: ValidationResult, stores: Stores) -> ValidationReports:
    reports = reports_of(spec, partition)
    stores.lake.objects.put(reports.json, json.dumps(outcome.json, indent=1).encode(), "application/json")
    stores.lake.objects.put(reports.html, outcome.html.encode(), "text/html; charset=utf-8")
    return reports


def _refuse_breaches(spec: ModelSpec, partition: str, outcome: ValidationResult, page: str) -> None:
    if outcome.breaches:
        raise ExpectationsFailed(
            f"{spec.name} {partition} refused: {len(outcome.breaches)} of"
            f" {outcome.expectations} expectations broken:\n{_listed(outcome.breaches)}",
            fix=f"read {page}; mend the source, then trigger {spec.name}.ingest again",
        )


def _sieve(night: PartitionReader, seen: list[CheckResult], found: ScanResult) -> RowFilter | None:
    """What tells the rows to drop, if there are any."""
    broken = [finding.check for finding in seen if not finding.success and finding.action == "drop"]
    keys = next((check for check in broken if isinstance(check, UniqueKeys)), None)
    return RowFilter(night, [c for c in broken if isinstance(c, RowCheck)], keys, found.repeated) if broken else None


def _sifted(
    spec: ModelSpec,
    raw: Manifest,
    sieve: RowFilter | None,
    aside: GenerationDraft,
    draft: GenerationDraft,
    stores: Stores,
) -> tuple[list[DataFile], int]:
    """The files of the night, and how many rows lie in quarantine, which is committed first."""
    lake = stores.lake
    if sieve is None:
        if aside.base_etag is not None:
            _set_aside(spec, raw, iter(()), aside, stores)
        return [lake.add_copy(draft, index, file) for index, file in enumerate(raw.files)], 0
    kept = lake.add(draft, 0, sieve.kept(), with_dictionaries(_schema(spec)))
    dropped = raw.rows - kept.rows
    _refuse_share(spec, raw, kept.rows)
    _set_aside(spec, raw, sieve.dropped(), aside, stores)
    return [kept], dropped


def _refuse_share(spec: ModelSpec, raw: Manifest, kept: int) -> None:
    dropped, most = raw.rows - kept, spec.night.max_quarantined_share
    where = f"{spec.name} {raw.partition} refused: {dropped} of {raw.rows} rows"
    if dropped > most * raw.rows:
        raise ExpectationsFailed(
            f"{where} would go to quarantine, night.max_quarantined_share allows {most:.2%}",
            fix=f"mend the source, then trigger {spec.name}.ingest again",
        )
    if kept < spec.night.min_rows:
        raise ExpectationsFailed(
            f"{where} would go to quarantine, which leaves {kept}, fewer than night.min_rows {spec.night.min_rows}",
            fix=f"mend the source, then trigger {spec.name}.ingest again",
        )


def _set_aside(
    spec: ModelSpec, raw: Manifest, rows: Iterator[pa.RecordBatch], aside: GenerationDraft, stores: Stores
) -> None:
    schema = quarantine_schema(_schema(spec))
    file = stores.lake.add(aside, 0, rows, with_dictionaries(schema))
    stores.lake.commit(aside, [file], schema, rows_in=file.rows, provenance=stores.provenance(input=raw.digest))


def _listed(breaches: list[Breach]) -> str:
    lines = [f"  {breach}" for breach in breaches[:MOST_SHOWN]]
    if len(breaches) > MOST_SHOWN:
        lines.append(f"  ... and {len(breaches) - MOST_SHOWN} more")
    return "\n".join(lines)
