"""Sources that are Python: functions in a file beside model.yaml, or one of an installed package."""

import datetime as dt
import importlib
import importlib.util
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from nightshift.errors import NightshiftError, SourceUnavailable, SourceUnreadable, SpecError
from nightshift.partitions import parse_partition
from nightshift.quotes import own_words
from nightshift.sources.named import WantedColumns
from nightshift.spec import CallableSource, PythonSource

if TYPE_CHECKING:
    import pandas as pd


def call_beside(wanted: WantedColumns, source: PythonSource, models: Path) -> "pd.DataFrame | pa.Table":
    """Ask the function of the file beside model.yaml. Raises ``SpecError``, ``SchemaMismatch``."""
    file = models / wanted.spec.name / source.python
    name = source.labels if wanted.label else source.features
    function = function_beside(file, name)
    return _rows(wanted, function, f"{file.name}:{name}")


def function_beside(file: Path, name: str) -> Callable[..., Any]:
    """A function of a file beside model.yaml. Raises ``SpecError`` when there is none."""
    function = getattr(_beside(file), name, None)
    if not callable(function):
        raise SpecError(f"{file} has no function {name}", fix="correct source in model.yaml")
    return cast("Callable[..., Any]", function)


def call(wanted: WantedColumns, source: CallableSource) -> "pd.DataFrame | pa.Table":
    """Ask the function of a package. Raises ``SpecError`` when there is none, ``SourceUnreadable``."""
    module, _, name = source.callable.partition(":")
    try:
        function = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise SpecError(
            f"{wanted.spec.name}: source.callable: {module} cannot be imported: {error}",
            fix="install its package where Nightshift runs, or correct model.yaml",
        ) from error
    if not callable(function):
        raise SpecError(
            f"{wanted.spec.name}: source.callable: {module} has no function {name}",
            fix="correct it",
        )
    return _rows(wanted, function, source.callable)


def _rows(
    wanted: WantedColumns,
    function: Callable[[dt.date], Any],
    address: str,
) -> "pd.DataFrame | pa.Table":
    where = f"{wanted.spec.name} {wanted.partition}, from {address}"
    night = parse_partition(wanted.partition)
    frame = returned(lambda: function(night), where)
    if not len(frame):
        return frame
    names = list(frame.schema.names if isinstance(frame, pa.Table) else frame.columns)
    present = wanted.present(names, where)
    wanted.say_left_out(names)
    columns = {alias: frame[name] for alias, name in present.items()}
    return wanted.fit(columns, where)


def returned(call: Callable[[], Any], where: str) -> "pd.DataFrame | pa.Table":
    """The frame that a person's code returns. Raises ``SourceUnreadable``, ``SourceUnavailable``."""
    frame = _returned(call, where)
    if not isinstance(frame, pa.Table) and not hasattr(frame, "columns"):
        raise SourceUnreadable(
            f"{where}: got a {type(frame).__name__}, not a DataFrame or an Arrow table",
            fix="mend the function",
        )
    return cast("pd.DataFrame | pa.Table", frame)


def _returned(call: Callable[[], Any], where: str) -> Any:
    try:
        return call()
    except NightshiftError:
        raise
    except (ConnectionError, TimeoutError) as error:
        raise SourceUnavailable(f"{where}: {_cause(error)}", fix="look at what the function asks") from error
    except Exception as error:  # a person's code may raise anything
        raise SourceUnreadable(f"{where}: {_cause(error)}", fix="mend the function") from error


def _cause(error: Exception) -> str:
    """What was raised, and the last line of the person's own code that led there."""
    name = type(error).__name__
    words = own_words(error) if str(error) else "no message"
    cause = name if words == name else f"{name}: {words}"
    if isinstance(error, SyntaxError):
        return f"{cause}, line {error.lineno}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame)]
    if not own:
        return cause
    last = own[-1]
    return f"{cause}, at {Path(last.filename).name} line {last.lineno}"


def _is_own(frame: traceback.FrameSummary) -> bool:
    others = ("site-packages", "importlib", __file__)
    return not any(other in frame.filename for other in others)


@cache
def _beside(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"nightshift_source_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise SpecError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a person's code may raise anything
        raise SpecError(f"{file} cannot be imported: {_cause(error)}", fix="mend the file") from error
    return module
