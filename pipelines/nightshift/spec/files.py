"""Reading specs: ``models/<model>/model.yaml``."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from nightshift.errors import SpecError, UsageError
from nightshift.spec import yaml_text
from nightshift.spec.clock import require_no_clock
from nightshift.spec.explain import explain
from nightshift.spec.model import ModelSpec
from nightshift.spec.source import PythonSource

MOST_BYTES_OF_ONE = 4
"""Of a character, in UTF-8."""


def load_spec(path: Path) -> ModelSpec:
    """Read and check one model.yaml. Raises ``SpecError`` naming file, key, what was got and what is allowed."""
    body = _read(path)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not YAML: {error}") from error
    return spec_of(path, text)


def spec_of(path: Path, text: str) -> ModelSpec:
    """The spec that a file of this text would hold. Raises ``SpecError`` as ``load_spec``."""
    try:
        raw: Any = yaml_text.read(text)
    except yaml_text.KeyMistake as error:
        raise SpecError(f"{path}: {error}", fix="correct it, then `nightshift check`") from error
    except yaml.YAMLError as error:
        raise SpecError(f"{path} is not YAML: {error}") from error
    try:
        spec = ModelSpec.model_validate(raw).read_from(text.encode())
    except ValidationError as error:
        raise SpecError(explain(path, error, ModelSpec), fix="correct it, then `nightshift check`") from error
    if spec.name != path.parent.name:
        raise SpecError(
            f"{path}: name: got {spec.name!r}, allowed {path.parent.name!r} (the folder's name)",
            fix="rename one of the two",
        )
    _require_beside(path, spec)
    return spec


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # One byte more than so many characters take, so that reading it is refused for its size.
            return file.read(yaml_text.MOST_CHARACTERS * MOST_BYTES_OF_ONE + 1)
    except FileNotFoundError as error:
        raise SpecError(f"{path} does not exist", fix="see models/ for the models there are") from error
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from error


def _require_beside(path: Path, spec: ModelSpec) -> None:
    named: dict[str, str] = {}
    if isinstance(spec.source, PythonSource):
        named["source.python"] = spec.source.python
    if isinstance(spec.label.source, PythonSource):
        named["label.source.python"] = spec.label.source.python
    if spec.night.great_expectations is not None:
        named["night.great_expectations"] = spec.night.great_expectations
    transform = getattr(spec.source, "transform", None)
    if transform is not None:
        named["source.transform"] = transform
    for key, file in named.items():
        if not (path.parent / file).is_file():
            raise SpecError(f"{path}: {key}: got {file!r}, which is not beside model.yaml")
        require_inside(path.parent, file, f"{path}: {key}")
    for reference in spec.night.references:
        if not reference.file.startswith("s3://"):
            require_inside(path.parent, reference.file, f"{path}: night.references")
    if transform is not None:
        require_no_clock(path.parent / transform)


def require_inside(folder: Path, file: str, where: str) -> Path:
    """The file, which lies in the folder, also where links lead. Raises ``SpecError``."""
    try:
        target = (folder / file).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise SpecError(f"{where}: got {file[:60]!r}, which is no path: {error}") from error
    if not target.is_relative_to(folder.resolve()):
        raise SpecError(
            f"{where}: got {file!r}, which leads out of {folder}",
            fix="copy the file beside model.yaml, and name it so",
        )
    return target


def load_specs(models: Path) -> list[ModelSpec]:
    """All specs under ``models/``, in order of name. Raises ``SpecError`` for the first that is wrong."""
    files = spec_files(models)
    return [load_spec(file) for file in files]


def load_good_specs(models: Path, only: str | None = None) -> tuple[list[ModelSpec], dict[str, SpecError]]:
    """Those of ``load_specs`` that are good, and what is wrong with the others by folder; ``only`` one folder."""
    specs = []
    errors = {}
    for path in spec_files(models):
        name = path.parent.name
        if only not in {None, name}:
            continue
        try:
            specs.append(load_spec(path))
        except SpecError as error:
            errors[name] = error
    return specs, errors


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
