"""The commit record of a night: which files count, and where they came from."""

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class DataFile(BaseModel):
    """One immutable file of a generation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    rows: int
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """``manifests/<dataset>/<model>/<column>=<partition>.json``."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    # Raise by one, and teach this class to read the old one, whenever a field changes its meaning.
    format: Literal[1] = 1
    dataset: str
    model: str
    column: str
    partition: str
    generation: str
    previous: str | None
    rows: int
    rows_in: int
    rows_quarantined: int
    columns: dict[str, str] = Field(alias="schema")
    files: tuple[DataFile, ...]
    provenance: dict[str, Any]
    # Rows per bin of the profile of the model that scored; predictions only.
    counts: dict[str, list[int]] = {}

    @property
    def digest(self) -> str:
        """Of the content alone: two runs that make the same rows have the same digest."""
        content = {
            "schema": self.columns,
            "files": [[f.rows, f.sha256] for f in self.files],
            "quarantined": self.rows_quarantined,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def plain_folder(self) -> str:
        """The prefix that people read for this night."""
        return f"{self.dataset}/{self.model}/{self.column}={self.partition}/"

    @property
    def plain_files(self) -> dict[str, str]:
        """Each plain file by its key, and the file of the generation that it is a copy of."""
        return {f"{self.plain_folder}part-{index:05d}.parquet": file.key for index, file in enumerate(self.files)}

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return (self.model_dump_json(by_alias=True, indent=2) + "\n").encode()
