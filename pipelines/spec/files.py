"""Reading specs: ``models/<model>/model.yaml``, and the keys of nights."""

import datetime as dt
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipelines.errors import SpecError, UsageError
from pipelines.spec.explain import explain
from pipelines.spec.model import ModelSpec
from pipelines.spec.source import PythonSource

PARTITION_PATTERN = r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


def parse_partition(key: str | None) -> dt.date:
    """The date of a partition key ``YYYY-MM-DD``. Raises ``UsageError`` for anything else."""
    shown = repr(key)[:60]
    if key is None or not re.fullmatch(PARTITION_PATTERN, key):
        raise UsageError(
            f"partition key {shown} is not a date like 2013-04-01", fix="give the night's date as YYYY-MM-DD"
        )
    try:
        return dt.date.fromisoformat(key)
    except ValueError as error:
        raise UsageError(f"partition key {shown} is no day of the calendar", fix="give a date that exists") from error


def load_spec(path: Path) -> ModelSpec:
    """Read and check one model.yaml. Raises ``SpecError`` naming file, key, what was got and what is allowed."""
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", fix="see models/ for the models there are") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpecError(f"{path} is not YAML: {error}") from error
    try:
        spec = ModelSpec.model_validate(raw)
    except ValidationError as error:
        raise SpecError(explain(path, error, ModelSpec), fix="correct it, then `nightshift check`") from error
    if spec.name != path.parent.name:
        raise SpecError(
            f"{path}: name: got {spec.name!r}, allowed {path.parent.name!r} (the folder's name)",
            fix="rename one of the two",
        )
    _require_beside(path, spec)
    return spec


def _require_beside(path: Path, spec: ModelSpec) -> None:
    named = {"source.python": spec.source.python} if isinstance(spec.source, PythonSource) else {}
    if spec.night.great_expectations is not None:
        named["night.great_expectations"] = spec.night.great_expectations
    for key, file in named.items():
        if not (path.parent / file).is_file():
            raise SpecError(f"{path}: {key}: got {file!r}, which is not beside model.yaml")


def load_specs(models: Path) -> list[ModelSpec]:
    """All specs under ``models/``, in order of name. Raises ``SpecError`` for the first that is wrong."""
    return [load_spec(path) for path in spec_files(models)]


def spec_files(models: Path) -> list[Path]:
    """Every ``models/<model>/model.yaml``, sorted."""
    return sorted(models.glob("*/model.yaml"))


def find_spec(models: Path, name: str) -> ModelSpec:
    """The spec of one model by name. Raises ``UsageError`` when there is none."""
    names = [path.parent.name for path in spec_files(models)]
    if name not in names:
        raise UsageError(f"no model {name!r}; there are: {', '.join(names) or 'none'}", fix="give one of these names")
    return load_spec(models / name / "model.yaml")
