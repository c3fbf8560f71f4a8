"""The profile ``serve`` as callers meet it: rows of a published night sent to nginx, and held against its Parquet."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import requests

from benchmarks.senders import sending
from tests.compose.lake import KEYS, MODEL, NIGHT, PREDICTIONS

VALIDATED = f"s3://lake/validated/{MODEL}/"
SCORE = "late_probability"
URL = "http://127.0.0.1:8100"
PATIENCE_S = 30


@dataclass(frozen=True)
class PublishedRow:
    """A row as the night took it, and the 32 bits and the version of the score that it published."""

    sent: dict[str, Any]
    bits: str
    version: str


@dataclass
class Callers:
    """What callers saw: answers, and what went wrong."""

    answered: int = 0
    same_bits: int = 0
    other_version: int = 0
    faults: list[str] = field(default_factory=list)

    def saw(self, row: PublishedRow, answer: requests.Response) -> None:
        """Hold an answer against the row of the night."""
        if answer.status_code != requests.codes.ok:
            self.faults.append(f"{answer.status_code}: {answer.text[:200]}")
            return
        self.answered += 1
        body = answer.json()
        if body["version"] != row.version:
            self.other_version += 1
        elif bits_of(body["predictions"][0][SCORE]) == row.bits:
            self.same_bits += 1
        else:
            self.faults.append(f"{body} has other bits than the night's {row.bits}")


def bits_of(score: float) -> str:
    """Of a float32, in hexadecimal."""
    import numpy as np

    return np.float32(score).tobytes().hex()


def rows_of(night: str, access: Mapping[str, str]) -> list[PublishedRow]:
    """The night's rows. A process of its own: pyarrow keeps what it read of the environment."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.compose.by_day", night],
        env={**os.environ, **access}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [PublishedRow(**row) for row in json.loads(done.stdout)]


def is_ready() -> bool:
    """Whether a server answers behind nginx."""
    try:
        return requests.get(f"{URL}/v2/health/ready", timeout=5).ok
    except requests.ConnectionError:
        return False


def ask_all(rows: list[PublishedRow], callers: Callers) -> None:
    """Each row once, by itself."""
    with requests.Session() as session:
        for row in rows:
            callers.saw(row, _asked(session, row))


def calling(rows: list[PublishedRow], callers: Callers) -> AbstractContextManager[None]:
    """Callers that never pause, while the block lasts."""

    def call(session: requests.Session, place: int) -> None:
        callers.saw(rows[place], _asked(session, rows[place]))

    return sending(len(rows), call, callers.faults)


def _asked(session: requests.Session, row: PublishedRow) -> requests.Response:
    return session.post(f"{URL}/score", json={"rows": [row.sent]}, timeout=PATIENCE_S)


def main() -> None:
    """Print a night's rows."""
    import pandas as pd

    (night,) = sys.argv[1:]
    rows = pd.read_parquet(f"{VALIDATED}{NIGHT}={night}/")
    scores = pd.read_parquet(f"{PREDICTIONS}{NIGHT}={night}/")
    joined = rows.merge(scores[[*KEYS, SCORE, "model_version"]], on=KEYS, validate="one_to_one")
    columns = [name for name in rows.columns if name != NIGHT]
    records = json.loads(joined[columns].to_json(orient="records", double_precision=15))
    published = []
    for sent, score, version in zip(records, joined[SCORE], joined["model_version"], strict=True):
        published.append({"sent": sent, "bits": bits_of(score), "version": str(version)})
    print(json.dumps(published))


if __name__ == "__main__":
    main()
