"""Where a published night came from, or one row of it: model, graph, training data, validated night, code, runs."""

from contextlib import suppress
from typing import Any

from nightshift.contracts import Dataset
from nightshift.errors import ModelError, RegistryUnavailable, UnreadableRecord, UsageError
from nightshift.mlflow_pages import version_page
from nightshift.spec import ModelSpec
from nightshift.steps._explain_row import parse_key, row_of
from nightshift.steps.ledger import who
from nightshift.steps.validate import reports_of
from nightshift.steps.withdraw import how_to_score_again, nights_of_version
from nightshift.stores import Stores, layout
from nightshift.stores.manifest import CHAMPION_MOVE, Manifest
from nightshift.stores.registry import TAG, TRAINED_WITHOUT

NamedFacts = dict[str, Any]


def explain(spec: ModelSpec, partition: str, stores: Stores, key: tuple[str, ...] = ()) -> NamedFacts:
    """The provenance of a night's predictions; with ``key`` (``name=value`` for each key column) also of one row.

    The names in it are stable. What is not known is None; links are URLs or ``s3://`` addresses. Raises
    ``UsageError`` for a bad partition or key, or a key that the night does not have, and ``MissingPartition``.
    """
    address = spec.key(Dataset.PREDICTIONS, partition)
    row_key = parse_key(spec, key)
    night = stores.lake.require(address)
    facts: NamedFacts = {
        "model": spec.name,
        "partition": partition,
        "predictions": _predictions(night, stores),
        "version": _version(spec, night, stores),
        "canary": _canary(spec, night, stores),
        "training": _training(night, stores),
        "code_commit": night.provenance.get("commit", "unknown"),
        "input": _input(spec, night, stores),
        "airflow": _airflow(night.provenance),
    }
    if row_key:
        facts["row"] = row_of(spec, row_key, night, stores)
    return facts


def _predictions(night: Manifest, stores: Stores) -> NamedFacts:
    return {
        "rows_in": night.rows_in,
        "rows": night.rows,
        "rows_by_version": night.rows_by_version,
        "rows_quarantined": night.rows_quarantined,
        "address": _uri(layout.served_night(night.key), stores),
        "manifest": _uri(layout.manifest(night.key), stores),
        "digest": night.digest,
        "generation": night.generation,
        "threshold": night.provenance.get("threshold"),
        "model_yaml_sha256": night.provenance.get("model_yaml"),
        "unseen": night.provenance.get("unseen"),
    }


def _version(spec: ModelSpec, night: Manifest, stores: Stores) -> NamedFacts:
    """Which one scored it, and which one was champion then; of a withdrawn one, all that it scored.

    ``ledger`` is the last entry that said who scores: of a night with a canary, the one that put that there.
    """
    pin = night.pin
    mlflow = stores.settings.mlflow_url
    return {
        "number": pin.version,
        "champion": night.provenance.get("champion"),
        "ledger": night.inputs.get(CHAMPION_MOVE),
        "withdrawn": _withdrawal(spec, pin.version, stores),
        "onnx_sha256": pin.sha256,
        "onnx_address": _uri(pin.key, stores),
        "mlflow_url": version_page(mlflow, spec.name, pin.version) if mlflow else None,
    }


def _canary(spec: ModelSpec, night: Manifest, stores: Stores) -> NamedFacts | None:
    """Who scored a share of the rows beside it, and by which entry of the ledger; None of a night without one."""
    canary = night.canary_pin
    if canary is None or night.canary is None:
        return None
    pin = canary.pin
    mlflow = stores.settings.mlflow_url
    return {
        "number": pin.version,
        "share": canary.share,
        "rows": night.canary.rows,
        "ledger": canary.number,
        "threshold": canary.threshold,
        "unseen": night.canary.unseen,
        "trained_through": pin.trained_through,
        "snapshot_md5": pin.snapshot_md5,
        "mlflow_run": pin.run_id,
        "withdrawn": _withdrawal(spec, pin.version, stores),
        "onnx_sha256": pin.sha256,
        "onnx_address": _uri(pin.key, stores),
        "mlflow_url": version_page(mlflow, spec.name, pin.version) if mlflow else None,
    }


def _withdrawal(spec: ModelSpec, version: str, stores: Stores) -> NamedFacts | None:
    ledger = stores.aliases.ledger(spec.name)
    try:
        number = ledger.head().withdrawn.get(version)
    except (UnreadableRecord, UsageError):
        # Of a night that is explained, whoever wrote the ledger.
        return None
    if number is None:
        return None
    entry = ledger.entry(number)
    nights = nights_of_version(spec, version, stores)
    return {
        "number": number,
        "why": entry.reason,
        "by": who(entry.origin),
        "nights": nights,
        "score_again": how_to_score_again(spec, nights),
    }


def _training(night: Manifest, stores: Stores) -> NamedFacts:
    """From the version's pin, and what MLflow says of its run; a registry that is down takes only the latter."""
    pin = night.pin
    tags: dict[str, str] = {}
    url: str | None = None
    with suppress(RegistryUnavailable, ModelError, UsageError):
        tags, url = stores.registry.run(pin.run_id)
    return {
        "snapshot_md5": pin.snapshot_md5,
        "trained_through": pin.trained_through,
        "mlflow_run": pin.run_id,
        "mlflow_url": url,
        "trained_without": tags.get(TRAINED_WITHOUT),
        "code_commit": tags.get(f"{TAG}commit"),
        "airflow_run": tags.get(f"{TAG}airflow_run"),
        "airflow_url": tags.get(f"{TAG}airflow_url"),
    }


def _input(spec: ModelSpec, night: Manifest, stores: Stores) -> NamedFacts:
    """The validated night that was scored, and the raw one it was made from, as far as they still are the same."""
    validated = stores.lake.readable(night.key.of(Dataset.VALIDATED))
    raw = stores.lake.readable(night.key.of(Dataset.RAW))
    provenance = validated.provenance if validated else {}
    rows = validated.rows if validated else None
    rows_quarantined = validated.rows_quarantined if validated else None
    return {
        "digest": night.provenance.get("input"),
        "unchanged": validated is not None and validated.digest == night.provenance.get("input"),
        "manifest": _manifest_uri(validated, stores),
        "validation": {
            "result": "passed",
            "expectations": provenance.get("expectations"),
            "rows": rows,
            "rows_quarantined": rows_quarantined,
            "result_json": _uri(reports_of(spec, night.partition).json, stores),
            "data_docs": _data_docs(spec, night.partition, stores),
            "airflow": _airflow(provenance),
        },
        "raw_digest": provenance.get("input"),
        "raw_unchanged": raw is not None and raw.digest == provenance.get("input"),
        "raw_manifest": _manifest_uri(raw, stores),
    }


def _data_docs(spec: ModelSpec, partition: str, stores: Stores) -> str | None:
    """Where the page lies; None for a night that was loaded in bulk and passed."""
    page = reports_of(spec, partition).html
    return _uri(page, stores) if stores.lake.objects.head(page) else None


def _airflow(provenance: NamedFacts) -> NamedFacts:
    run = provenance.get("airflow_run")
    return {
        "dag": provenance.get("airflow_dag"),
        "run": run,
        "url": provenance.get("airflow_url"),
        "by": provenance.get("by", "airflow" if run else None),
    }


def _manifest_uri(night: Manifest | None, stores: Stores) -> str | None:
    if night is None:
        return None
    key = layout.manifest(night.key)
    return _uri(key, stores)


def _uri(key: str, stores: Stores) -> str:
    return f"{stores.lake.objects.uri}/{key}"
