"""Let a night pass only if it is what the spec promises, without the rows that the spec says to drop."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from nightshift.contracts import Dataset, PartitionRef
from nightshift.errors import ExpectationsFailed
from nightshift.sources.reading import CUT, as_read
from nightshift.spec import ModelSpec
from nightshift.stores import Stores, layout
from nightshift.stores.commit import GenerationDraft
from nightshift.stores.manifest import DataFile, Manifest, sequences
from nightshift.stores.pages import put_page
from nightshift.stores.parquet import nullable, schema_of, with_dictionaries
from nightshift.validation import references
from nightshift.validation.asked import Suite
from nightshift.validation.checks import RowCheck, row_checks
from nightshift.validation.expectations import MOST_ROWS, report
from nightshift.validation.native import native
from nightshift.validation.night_checks import UniqueKeys, row_counts
from nightshift.validation.quarantine import RowFilter
from nightshift.validation.quarantine import schema as quarantine_schema
from nightshift.validation.results import Breach, CheckResult, ValidationResult
from nightshift.validation.scan import PartitionReader, ScanResult, findings, survey

MOST_LISTED = 10


@dataclass(frozen=True)
class ValidationReports:
    """Where the results of a night's validation lie in the lake."""

    json: str
    html: str


@dataclass(frozen=True)
class CheckedNight:
    """What a raw night is like: the outcome of its checks, and what tells the rows to drop, if there are any."""

    outcome: ValidationResult
    row_filter: RowFilter | None


@dataclass(frozen=True)
class Drafts:
    """The generations that a validation writes: the night, and its rows in quarantine."""

    validated: GenerationDraft
    quarantine: GenerationDraft


def validate(
    spec: ModelSpec, partition: str, stores: Stores, *, suite: Suite | None = None, with_page: bool = True
) -> PartitionRef:
    """Check ``raw/`` and publish its rows to ``validated/``, those to drop to ``quarantine/``; reports are kept.

    ``suite`` has what was asked of nights before this one. Not ``with_page``, only a night that is refused gets its
    Data Docs. Raises ``MissingPartition``, and ``ExpectationsFailed`` naming column, expectation, observed value
    and examples, or the share of rows to drop; then both datasets stay as they were.
    """
    spec.require_night(partition)
    lake = stores.lake
    drafts = Drafts(
        validated=lake.begin(spec.key(Dataset.VALIDATED, partition)),
        quarantine=lake.begin(spec.key(Dataset.QUARANTINE, partition)),
    )
    raw = lake.require(spec.key(Dataset.RAW, partition))
    checked = check(spec, raw, stores, suite)
    # A run that slept over a newer one leaves the newer one's reports alone, whatever it saw.
    try:
        _refuse_breaches(spec, partition, checked.outcome, stores)
        files, quarantine = _write_rows(spec, raw, checked.row_filter, drafts, stores)
    except ExpectationsFailed:
        lake.require_base(drafts.validated)
        _write_reports(spec, partition, checked.outcome, stores)
        raise
    reports = _write_reports(spec, partition, checked.outcome, stores, with_page=with_page)
    return lake.commit(
        drafts.validated,
        files,
        _schema(spec),
        rows_in=raw.rows,
        rows_quarantined=quarantine.rows,
        # Of two runs side by side both are of the one whose quarantine was committed last.
        inputs=sequences(raw) | {str(Dataset.QUARANTINE): quarantine.sequence},
        provenance=stores.provenance(
            input=raw.digest,
            validation=reports.json,
            expectations=checked.outcome.expectations,
            **as_read(raw.provenance),
        ),
    )


def check(spec: ModelSpec, raw: Manifest, stores: Stores, suite: Suite | None = None) -> CheckedNight:
    """Look at a night, and publish nothing. Raises ``SpecError`` for files that the spec names wrongly."""
    cut_at = raw.provenance.get(CUT)
    _refuse_cut(spec, raw, cut_at)
    reader = PartitionReader(spec, raw, stores.lake)
    lists = references.read(spec, stores)
    scan = survey(spec, reader, raw.rows, row_checks(spec, lists))
    rows_before = _rows_before(spec, raw.partition, stores)
    results = findings(spec, scan, row_counts(spec, rows_before, cut_at))
    return CheckedNight(
        outcome=_report(spec, reader, raw, results, stores, suite),
        row_filter=_row_filter(reader, results, scan),
    )


def _refuse_cut(spec: ModelSpec, raw: Manifest, cut_at: int | None) -> None:
    """A night that was read up to the limit of before is not all of it."""
    most = spec.night.max_rows
    if cut_at is not None and (most is None or most > cut_at):
        raise ExpectationsFailed(
            f"{spec.name} {raw.partition} was read up to {raw.rows} rows, when night.max_rows was {cut_at}",
            fix=f"nightshift ingest {spec.name} {raw.partition}",
        )


def reports_of(spec: ModelSpec, partition: str) -> ValidationReports:
    """Keys of the validation results: JSON, and the Data Docs page."""
    night = spec.key(Dataset.VALIDATED, partition)
    return ValidationReports(
        json=layout.validation_result(night),
        html=layout.data_docs(night),
    )


def _schema(spec: ModelSpec) -> pa.Schema:
    return nullable(schema_of(spec.columns))


def _rows_before(spec: ModelSpec, partition: str, stores: Stores) -> list[int]:
    """Rows of the nights before, as they came, for the checks that compare with them."""
    if spec.night.history is None:
        return []
    validated = stores.lake.partitions(Dataset.VALIDATED, spec.name, spec.partition.column)
    earlier = [night for night in validated if night < partition]
    rows = []
    for night in earlier[-spec.night.history.nights :]:
        key = spec.key(Dataset.VALIDATED, night)
        manifest = stores.lake.readable(key)
        if manifest:
            rows.append(manifest.rows_in)
    return rows


def _report(
    spec: ModelSpec,
    reader: PartitionReader,
    raw: Manifest,
    results: list[CheckResult],
    stores: Stores,
    suite: Suite | None,
) -> ValidationResult:
    file = spec.night.great_expectations
    folder = stores.settings.models / spec.name
    own = native(folder / file) if file else []
    # Its own expectations need the rows, however many: who names them says that there is room.
    frame = None
    if own or raw.rows <= MOST_ROWS:
        rows = reader.table()
        frame = rows.to_pandas(integer_object_nulls=True)
    return report(results, f"{spec.name} {raw.partition}", frame, own, suite)


def _write_reports(
    spec: ModelSpec, partition: str, outcome: ValidationResult, stores: Stores, *, with_page: bool = True
) -> ValidationReports:
    reports = reports_of(spec, partition)
    objects = stores.lake.objects
    result = json.dumps(outcome.json, indent=1).encode()
    objects.put(reports.json, result, "application/json")
    if with_page:
        put_page(objects, reports.html, outcome.html)
    else:
        # One of before would be of other rows.
        objects.delete_once(reports.html)
    return reports


def _refuse_breaches(spec: ModelSpec, partition: str, outcome: ValidationResult, stores: Stores) -> None:
    if outcome.breaches:
        page = f"{stores.lake.objects.uri}/{reports_of(spec, partition).html}"
        raise ExpectationsFailed(
            f"{spec.name} {partition} refused: {len(outcome.breaches)} of"
            f" {outcome.expectations} expectations broken:\n{_listed(outcome.breaches)}",
            fix=f"read {page}; mend the source, then trigger {spec.name}.ingest again",
        )


def _row_filter(reader: PartitionReader, results: Sequence[CheckResult], scan: ScanResult) -> RowFilter | None:
    """What tells the rows to drop, if there are any."""
    broken = [result.check for result in results if not result.success and result.action == "drop"]
    if not broken:
        return None
    of_rows = [check for check in broken if isinstance(check, RowCheck)]
    of_keys = next((check for check in broken if isinstance(check, UniqueKeys)), None)
    return RowFilter(reader, of_rows, of_keys, scan.repeated)


def _write_rows(
    spec: ModelSpec, raw: Manifest, row_filter: RowFilter | None, drafts: Drafts, stores: Stores
) -> tuple[list[DataFile], PartitionRef]:
    """The files of the night, and its quarantine, which is committed first, also when no row is in it.

    So a run that slept over a newer one is found out before it changes either.
    """
    lake = stores.lake
    quarantine = with_dictionaries(quarantine_schema(_schema(spec)))
    if row_filter is None:
        copies = [lake.add_copy(drafts.validated, index, file) for index, file in enumerate(raw.files)]
        dropped = _emptied(drafts.quarantine, quarantine, stores)
        return copies, _commit_quarantine(spec, raw, dropped, drafts.quarantine, stores)
    schema = with_dictionaries(_schema(spec))
    kept = lake.add(drafts.validated, 0, row_filter.kept(), schema)
    _refuse_share(spec, raw, kept.rows)
    dropped = [lake.add(drafts.quarantine, 0, row_filter.dropped(), quarantine)]
    return [kept], _commit_quarantine(spec, raw, dropped, drafts.quarantine, stores)


def _emptied(draft: GenerationDraft, schema: pa.Schema, stores: Stores) -> list[DataFile]:
    """Of a night without a dropped row no file, or, where people have read one, one without rows."""
    before = stores.lake.manifest(draft.key) if draft.base_etag else None
    if before is None or not before.files:
        return []
    return [stores.lake.add(draft, 0, [], schema)]


def _refuse_share(spec: ModelSpec, raw: Manifest, kept: int) -> None:
    dropped = raw.rows - kept
    allowed = spec.night.max_quarantined_share
    refused = f"{spec.name} {raw.partition} refused: {dropped} of {raw.rows} rows would go to quarantine"
    if dropped > allowed * raw.rows:
        raise ExpectationsFailed(
            f"{refused}, night.max_quarantined_share allows {allowed:.2%}",
            fix=f"mend the source, then trigger {spec.name}.ingest again",
        )
    if kept < spec.night.min_rows:
        raise ExpectationsFailed(
            f"{refused}, which leaves {kept}, fewer than night.min_rows {spec.night.min_rows}",
            fix=f"mend the source, then trigger {spec.name}.ingest again",
        )


def _commit_quarantine(
    spec: ModelSpec, raw: Manifest, files: list[DataFile], draft: GenerationDraft, stores: Stores
) -> PartitionRef:
    return stores.lake.commit(
        draft,
        files,
        quarantine_schema(_schema(spec)),
        rows_in=sum(file.rows for file in files),
        inputs=sequences(raw),
        provenance=stores.provenance(input=raw.digest),
    )


def _listed(breaches: list[Breach]) -> str:
    lines = [f"  {breach}" for breach in breaches[:MOST_LISTED]]
    more = len(breaches) - len(lines)
    if more:
        lines.append(f"  ... and {more} more")
    return "\n".join(lines)
