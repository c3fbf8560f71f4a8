"""Reading specs: ``models/<model>/model.yaml``."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from nightshift.errors import SpecError, UsageError
from nightshift.spec.clock import require_no_clock
from nightshift.spec.explain import explain
from nightshift.spec.model import ModelSpec
from nightshift.spec.source import PythonSource
from nightshift.spec.yaml_keys import read_yaml


def load_spec(path: Path) -> ModelSpec:
    """Read and check one model.yaml. Raises ``SpecError`` naming file, key, what was got and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", fix="see models/ for the models there are") from error
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not YAML: {error}") from error
    return spec_of(path, text)


def spec_of(path: Path, text: str) -> ModelSpec:
    """The spec that a file of this text would hold. Raises ``SpecError`` as ``load_spec``."""
    try:
        raw = read_yaml(path, text)
    except yaml.YAMLError as error:
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
    named: dict[str, str] = {}
    if isinstance(spec.source, PythonSource):
        named["source.python"] = spec.source.python
    if spec.night.great_expectations is not None:
        named["night.great_expectations"] = spec.night.great_expectations
    transform = getattr(spec.source, "transform", None)
    if transform is not None:
        named["source.transform"] = transform
    for key, file in named.items():
        if not (path.parent / file).is_file():
            raise SpecError(f"{path}: {key}: got {file!r}, which is not beside model.yaml")
    if transform is not None:
        require_no_clock(path.parent / transform)


def load_specs(models: Path) -> list[ModelSpec]:
    """All specs under ``models/``, in order of name. Raises ``SpecError`` for the first that is wrong."""
    files = spec_files(models)
    return [load_spec(file) for file in files]


def spec_files(models: Path) -> list[Path]:
    """Every ``models/<model>/model.yaml``, sorted."""
    files = models.glob("*/model.yaml")
    return sorted(files)


def find_spec(models: Path, name: str) -> ModelSpec:
    """The spec of one model by name. Raises ``UsageError`` when there is none."""
    names = [path.parent.name for path in spec_files(models)]
    if name not in names:
        known = ", ".join(names) or "none"
        raise UsageError(
            f"no model {name!r}; there are: {known}",
            fix="give one of these names",
        )
    return load_spec(models / name / "model.yaml")
