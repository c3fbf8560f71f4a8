"""A small model whose data hold a person's name, and a person at its command line who does all that can go wrong."""

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

import nightshift.steps.validate as validate_step
from nightshift.cli.main import app
from nightshift.errors import NightshiftError
from nightshift.logs import JsonLines
from nightshift.partitions import following
from nightshift.spec import ModelSpec, load_spec
from nightshift.stack import Stack
from nightshift.stores import Stores
from nightshift.validation.results import ValidationResult

PERSON = "Plantagenet"
NAME = f"Wilhelmina {PERSON}"
URL_PASSWORD = "planted-in-a-url-8c1f"
# A Monday.
NIGHTS = following("2024-03-04", 20)
TRAINED, SCORED = NIGHTS[:8], NIGHTS[8]
CLASSES = ["early", "late", "ontime"]
ROWS = 40

MODEL: dict[str, Any] = {
    "description": "How does an order come back?",
    "source": {"files": "incoming/**/*.csv", "night": "path", "column": "day"},
    "partition": {"column": "day", "start": NIGHTS[0]},
    "keys": ["number"],
    "night": {"min_rows": 5, "max_rows": 500, "max_quarantined_share": 0.2},
    "columns": {
        "number": {"type": "int64", "feature": False},
        "kind": {"type": "string", "pattern": "^[a-z]+$", "on_breach": {"pattern": "drop"}},
        "site": {"type": "string", "values": ["north", "south"], "closed": False},
        "note": {"type": "string", "pattern": "^[A-Za-z ]*$", "feature": False},
        "amount": {"type": "float64", "min": 0, "max": 1000},
        "items": {"type": "int64"},
    },
    # A class that no row has, beside those that rows have.
    "label": {"column": "late", "type": "multiclass", "classes": [*CLASSES, "never"], "delay_days": 1},
    "training": {
        "window_days": 8,
        "holdout_days": 2,
        "trainer": "hist_gradient_boosting",
        "parameters": {"max_iter": 10, "max_leaf_nodes": 4, "min_samples_leaf": 5},
    },
    "gates": {"resamples": 100, "at_least": {"roc_auc": 0.55}},
    "optimize": {"variants": []},
    "drift": {"features": ["site", "items", "amount"]},
}


def orders(night: str) -> pd.DataFrame:
    """Forty orders of a night, which the date alone decides; one has a name in a column that is no feature."""
    rng = np.random.default_rng(dt.date.fromisoformat(night).toordinal())
    items = rng.integers(1, 13, ROWS)
    noise = rng.normal(0, 0.4, ROWS)
    frame = pd.DataFrame({
        "number": np.arange(1, ROWS + 1),
        "kind": rng.choice(["book", "lamp", "shoe"], ROWS),
        "site": rng.choice(["north", "south"], ROWS),
        "note": "none",
        "amount": rng.gamma(2.0, 40.0, ROWS).round(2),
        "items": items,
        "late": [CLASSES[place] for place in np.digitize(items + noise, [4.5, 8.5])],
    }).astype({"note": object, "amount": object})
    frame.loc[5, "note"] = NAME
    return frame


@contextmanager
def without_pages() -> Iterator[None]:
    """Great Expectations writes nothing of a night meanwhile: that takes most of the time of a small one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validate_step, "report", lambda checks, *_: ValidationResult([], len(checks), {}, str))
        yield


class _Heard(logging.Handler):
    """Keeps each line as a log shows it, to people and as JSON."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.INFO)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
        self._lines.append(JsonLines().format(record))


@dataclass
class Planted:
    """A project, the services that it uses, and all that was said and given on so far."""

    stack: Stack
    stores: Stores
    name: str
    open_stores: Callable[..., Stores]
    said: list[str] = field(default_factory=list)
    given_on: list[str] = field(default_factory=list)

    @property
    def project(self) -> Path:
        return self.stores.settings.project

    @property
    def spec(self) -> ModelSpec:
        return load_spec(self.project / "models" / self.name / "model.yaml")

    def write(self, **changes: Any) -> None:
        """model.yaml with some of its sections replaced."""
        file = self.project / "models" / self.name / "model.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump({"name": self.name, **MODEL, **changes}, sort_keys=False))

    @contextmanager
    def other(self, **changes: Any) -> Iterator[None]:
        """Another model.yaml for a while."""
        self.write(**changes)
        yield
        self.write()

    def put(self, night: str, frame: pd.DataFrame | None = None, folder: str = "incoming") -> Path:
        """The file of a night."""
        file = self.project / folder / f"day={night}" / "rows.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        (orders(night) if frame is None else frame).to_csv(file, index=False)
        return file

    def spoilt(self, night: str, rows: int, **values: Any) -> None:
        """The file of a night of whose first rows some columns have other values."""
        frame = orders(night)
        for column, value in values.items():
            frame.loc[: rows - 1, column] = value
        self.put(night, frame)

    def run(self, *words: str) -> None:
        """A verb of the command line, for this model."""
        result = CliRunner().invoke(app, [words[0], self.name, *words[1:]])
        self.said.append(result.output)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            self._note(result.exception)

    def bring(self, night: str) -> None:
        """The verbs that a night begins with; of one that is right, without the pages about it."""
        self.run("ingest", night)
        with without_pages():
            self.run("validate", night)

    def do(self, step: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """A step as a task runs it: what it gives on goes through XCom, what it raises into the log."""
        try:
            result = step(*arguments, **named)
        except NightshiftError as error:
            self._note(error)
            return None
        if is_dataclass(result):
            self.given_on.append(json.dumps(asdict(result), default=str))  # type: ignore[arg-type]
        return result

    def _note(self, error: BaseException) -> None:
        # What is no error of ours is a fault, and shows here as one.
        kind = type(error).__name__
        self.said.append(f"{kind}: {error}")
        if not isinstance(error, NightshiftError):
            self.said.append(f"FAULT {kind}")

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        """All that is said meanwhile: output, errors and log lines."""
        before = len(self.said)
        lines: list[str] = []
        handler = _Heard(lines)
        root = logging.getLogger()
        ours = logging.getLogger("nightshift")
        level = ours.level
        root.addHandler(handler)
        ours.setLevel(logging.INFO)
        try:
            yield lines
        finally:
            root.removeHandler(handler)
            ours.setLevel(level)
            lines += self.said[before:]
