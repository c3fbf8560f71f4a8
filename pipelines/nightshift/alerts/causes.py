"""From what went wrong to its cause: failures of one cause are one alert, whichever models and nights they stop.

A store or a source that is away is one cause for all that need it. What is wrong with the rows of a source, as ingest
sees it, is one for the models that read that source; everything else is a model's own.
"""

import hashlib
from collections.abc import Iterable

from nightshift.alerts.alert import Cause, Kind
from nightshift.errors import (
    DataError,
    LakeUnavailable,
    NightshiftError,
    OutOfSpace,
    RegistryUnavailable,
    SourceUnavailable,
    Unavailable,
)
from nightshift.spec import CallableSource, FilesSource, ModelSpec, SqlSource

LONGEST_EVIDENCE = 500
LAKE_OUTAGE = "outage-lake"
SHARED_BY_ALL: dict[type[Unavailable], tuple[str, str]] = {
    LakeUnavailable: (LAKE_OUTAGE, "S3 does not answer"),
    RegistryUnavailable: ("outage-mlflow", "MLflow does not answer"),
    OutOfSpace: ("outage-disk", "a worker's disk is full"),
}


def source_of(spec: ModelSpec) -> str:
    """What a model's rows come from, as far as its model.yaml says; equal for models that share it."""
    source = spec.source
    if isinstance(source, FilesSource):
        return f"files {source.files}"
    if isinstance(source, SqlSource):
        return f"the database of {source.url_variable}"
    if isinstance(source, CallableSource):
        return source.callable
    return f"{source.python} of {spec.name}"


def sharing(spec: ModelSpec, cause: Cause, specs: Iterable[ModelSpec]) -> tuple[str, ...]:
    """The other models that a cause may stop too."""
    shared_by_all = {key for key, _ in SHARED_BY_ALL.values()}
    others = []
    for other in specs:
        is_shared = cause.key in shared_by_all or ("source" in cause.key and source_of(other) == source_of(spec))
        if is_shared and other.name != spec.name:
            others.append(other.name)
    return tuple(others)


def cause_of_failure(
    model: str, task: str, night: str, error: NightshiftError | None, words: str, spec: ModelSpec | None
) -> Cause:
    """Of a failed task, ``<verb>.<task>``, by the error that ended it, or by ``words`` where that is none of ours."""
    evidence = (error.message if error else words)[:LONGEST_EVIDENCE]
    fix = (error.fix if error else None) or f"nightshift explain {model} {night}".rstrip()
    kind, key, title = _told_apart(model, task, night, error, spec)
    return Cause(kind, key, title, f"{type(error).__name__}: {evidence}" if error else evidence, fix)


def _told_apart(
    model: str, task: str, night: str, error: NightshiftError | None, spec: ModelSpec | None
) -> tuple[Kind, str, str]:
    verb = task.partition(".")[0]
    for outage, (key, title) in SHARED_BY_ALL.items():
        if isinstance(error, outage):
            return "outage", key, title
    if isinstance(error, SourceUnavailable) and spec:
        source = source_of(spec)
        return "outage", f"outage-source-{_short(source)}", f"{source} does not answer"
    if isinstance(error, Unavailable):
        return "outage", f"outage-{model}", f"what {model} needs does not answer"
    where = f"{model} {night}".rstrip()
    if isinstance(error, DataError) and verb == "ingest" and spec:
        source = source_of(spec)
        return "refused", f"refused-source-{_short(source)}", f"{where}: {source} gives no night that can be read"
    if isinstance(error, DataError):
        return "refused", f"refused-{model}-{verb}", f"{where}: the night is refused by {verb}"
    return "failed", f"failed-{model}-{verb}", f"{where}: {task} failed"


def _short(text: str) -> str:
    digest = hashlib.sha256(text.encode())
    letters = digest.hexdigest()
    return letters[:10]
