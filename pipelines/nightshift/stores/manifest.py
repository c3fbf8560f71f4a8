"""The commit record of a night: which files count, and where they came from."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from nightshift.contracts import CanaryPin, CanaryRows, Dataset, PartitionKey, PartitionRef, Pin
from nightshift.errors import DataError, UnreadableRecord
from nightshift.stores import layout
from nightshift.stores.missing import how_to_make, how_to_replace
from nightshift.stores.records import Record, is_none

WITH_INPUTS = 2
# What names the number of the champion's move among the inputs of predictions.
CHAMPION_MOVE = "champion"
CANARY_PIN = "canary"
"""What the provenance of a night calls the pin of the canary that scored some of it."""


class DataFile(BaseModel):
    """One immutable file of a generation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    rows: int
    bytes: int
    sha256: str


class Retraction(BaseModel):
    """That a night was taken back, by whom and why; ``dataset`` is the one that was named, of which this is made.

    ``at`` is when the run that did it began, in ISO 8601, by the clock of who runs; None where nobody said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: str
    why: str
    dataset: Dataset | None = None
    at: str | None = None

    def is_after(self, began: dt.datetime | None) -> bool:
        """Whether it was done when a run that began then was under way."""
        if self.at is None or began is None:
            return False
        return dt.datetime.fromisoformat(self.at) > began


class Manifest(Record):
    """What lies at ``layout.manifest``: one conditional PUT of it makes a generation the night.

    ``sequence`` counts the commits of the night in its dataset, from 1; ``inputs`` has the sequence of each thing
    that the rows were made from, by its name. The first format had neither, and its nights count as 0. A night without
    a canary has no field of one.
    """

    what = "a manifest"

    format: Literal[1, 2] = 2
    dataset: Dataset
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
    sequence: int = 0
    inputs: dict[str, int] = Field(default_factory=dict)
    retracted: Retraction | None = None
    # Rows per bin of the profile of the model that scored; predictions only.
    counts: dict[str, list[int]] = Field(default_factory=dict)
    # Of its numbers, by feature: finite rows, mean, lowest, highest. Nights scored before have none.
    moments: dict[str, list[float]] = Field(default_factory=dict)
    # Of a night that a canary scored some rows of: how many each version did, and the same counts of the canary's.
    rows_by_version: dict[str, int] | None = Field(None, exclude_if=is_none)
    canary: CanaryRows | None = Field(None, exclude_if=is_none)

    @classmethod
    def remedy_for(cls, where: str) -> str:
        """To take the night back, which puts a good one in its place, and to make it anew."""
        night = layout.manifest_in(where)
        return how_to_replace(night) if night else cls.remedy

    @property
    def key(self) -> PartitionKey:
        """The address of the night."""
        return PartitionKey(self.dataset, self.model, self.column, self.partition)

    @property
    def ref(self) -> PartitionRef:
        """What steps hand on of it."""
        return PartitionRef(
            dataset=self.dataset,
            model=self.model,
            partition=self.partition,
            generation=self.generation,
            digest=self.digest,
            rows=self.rows,
            rows_quarantined=self.rows_quarantined,
            sequence=self.sequence,
        )

    @property
    def names_version(self) -> bool:
        """Whether it has a ``pin``: what a person published by hand has none."""
        return "pin" in self.provenance

    @property
    def pin(self) -> Pin:
        """The version that scored the night, or all of it but the canary's rows; predictions only.

        Raises ``DataError`` where it does not say, ``UnreadableRecord`` where what it says is none.
        """
        if not self.names_version:
            raise DataError(
                f"{self.key} does not say which version scored it: it was published by hand",
                fix=f"make it anew: {how_to_make(self.key)}",
            )
        try:
            return Pin(**self.provenance["pin"])
        except (TypeError, ValueError) as error:
            raise UnreadableRecord(
                f"the manifest of {self.key} names no version that this one reads", fix=how_to_replace(self.key)
            ) from error

    @property
    def canary_pin(self) -> CanaryPin | None:
        """Who scored the canary's rows, and how they were drawn; None where there is none. Raises as ``pin``."""
        if self.canary is None:
            return None
        try:
            pinned = self.provenance[CANARY_PIN]
            return CanaryPin(**{**pinned, "pin": Pin(**pinned["pin"])})
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableRecord(
                f"the manifest of {self.key} names no canary that this one reads", fix=how_to_replace(self.key)
            ) from error

    @property
    def pins(self) -> dict[str, Pin]:
        """Who scored rows of the night, by version, the champion first. Raises as ``pin``."""
        pins = {self.pin.version: self.pin}
        canary = self.canary_pin
        if canary:
            pins[canary.pin.version] = canary.pin
        return pins

    @property
    def champion_rows(self) -> int:
        """How many rows ``pin`` scored: all but the canary's. ``counts`` and ``moments`` are of these."""
        return self.rows - (self.canary.rows if self.canary else 0)

    @property
    def digest(self) -> str:
        """Of the content alone: two runs that make the same rows have the same digest."""
        content = {
            "schema": self.columns,
            "files": [[file.rows, file.sha256] for file in self.files],
            "quarantined": self.rows_quarantined,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def is_older_than(self, inputs: Mapping[str, int]) -> bool:
        """Whether something it was made from was made anew before what has these ``inputs`` was made.

        Of the same data the later champion counts, and only then: newer data by the champion before are newer. What
        does not say what it was made from, as when a person publishes a table, is as new as what it replaces.
        """
        if not self.inputs and self.format == WITH_INPUTS:
            return False
        later = {name for name, sequence in inputs.items() if self.inputs.get(name, 0) < sequence}
        if later != {CHAMPION_MOVE}:
            return bool(later)
        return all(inputs.get(name, 0) >= sequence for name, sequence in self.inputs.items())

    def is_same_as(self, other: "Manifest") -> bool:
        """Whether it says the same rows of the same inputs, whoever made it; what either does not say is not held."""
        if (self.digest, self.retracted) != (other.digest, other.retracted):
            return False
        # Another source or clock is another night, also where its rows are the same.
        same_source = _agree(self.provenance.get("source"), other.provenance.get("source"))
        if not same_source:
            return False
        same_input = _agree(self.provenance.get("input"), other.provenance.get("input"))
        return same_input and _agree(_known(self.inputs), _known(other.inputs))

    @property
    def served_files(self) -> dict[str, str]:
        """Each plain file by its key, and the file of the generation that it is a copy of."""
        return {layout.served_file(self.key, index): file.key for index, file in enumerate(self.files)}


def sequences(*inputs: Manifest) -> dict[str, int]:
    """What a night that is made from these says in its ``inputs``."""
    return {str(manifest.dataset): manifest.sequence for manifest in inputs}


def _known(inputs: Mapping[str, int]) -> dict[str, int]:
    """Without the nights of the first format, which count as 0."""
    return {name: sequence for name, sequence in inputs.items() if sequence}


def _agree(mine: object, others: object) -> bool:
    return mine == others or not (mine and others)
