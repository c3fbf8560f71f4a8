"""``benchmarks/results.json``: a part for each group, with the commit, the day and the machine that it was seen on."""

import datetime as dt
import operator
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field

from nightshift.settings import Settings

FILE = Path(__file__).with_name("results.json")
REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("apache-airflow", "mlflow", "great-expectations", "onnxruntime", "scikit-learn", "pandas", "pyarrow")


class Part(BaseModel):
    """The figures of one group, from one run; what ran before minutes were kept has none.

    ``absent`` says of figures that the machine could not give why they are not there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    commit: str
    date: dt.date
    minutes: float | None
    machine: dict[str, str]
    figures: dict[str, float]
    absent: dict[str, str] = Field({}, exclude_if=operator.not_)


class Results(BaseModel):
    """All parts, by group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[2] = 2
    parts: dict[str, Part]


def part(figures: dict[str, float], seconds: float, absent: dict[str, str] | None = None) -> Part:
    """A part of today, of the code and the machine as they are."""
    rounded = {name: round(value, 4) for name, value in sorted(figures.items())}
    # Not the environment's project: a world works in a copy, which is gone by now and never had a commit.
    settings = Settings(project=REPOSITORY, home=REPOSITORY / ".nightshift")
    return Part(
        commit=settings.commit,
        date=dt.datetime.now(dt.UTC).date(),
        minutes=round(seconds / 60, 1),
        machine=machine(),
        figures=rounded,
        absent=absent or {},
    )


def machine() -> dict[str, str]:
    """What the figures depend on besides the code."""
    memory_gib = psutil.virtual_memory().total / 2**30
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "memory_gib": f"{memory_gib:.1f}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def read(file: Path = FILE) -> Results:
    """What was measured before. Raises ``pydantic.ValidationError`` for a file of another format."""
    return Results.model_validate_json(file.read_bytes())


def write(group: str, measured: Part, file: Path = FILE) -> None:
    """Put a group's part in the place of its former one; the others stay."""
    before = read(file).parts if file.exists() else {}
    results = Results(parts=dict(sorted({**before, group: measured}.items())))
    file.write_text(results.model_dump_json(indent=1) + "\n")
