"""All that a network learns from, as one thing that can be handed to other processes, and has a digest."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeAlias

import numpy as np

from nightshift.modelling.arrays import Array, Booleans, Float32s, Int64s
from nightshift.training.networks.array_file import packed, unpacked
from nightshift.training.networks.options import NetworkOptions
from nightshift.training.networks.weights import NetworkWeights

Objective: TypeAlias = Literal["binary", "multiclass", "regression"]
MOST_OF_A_BATCH = 1024
LEAST_OF_A_BATCH = 32
BATCHES = 64
"""Of an epoch, about, where the rows decide: fewer are few steps, and more are slow."""


@dataclass(frozen=True)
class NetworkRows:
    """Scaled numbers and flags of n rows, (n, 2k), codes (n, c), ``targets`` and ``weights`` (n,)."""

    scaled: Float32s
    codes: Int64s
    targets: Float32s
    weights: Float32s

    def __len__(self) -> int:
        return len(self.targets)

    def only(self, chosen: Booleans) -> Self:
        """Some of the rows."""
        return replace(
            self,
            scaled=self.scaled[chosen],
            codes=self.codes[chosen],
            targets=self.targets[chosen],
            weights=self.weights[chosen],
        )


@dataclass(frozen=True)
class NetworkJob:
    """Rows to learn, which of them are of the last nights, (n,) of 0 and 1, and the network to begin with.

    Where any row is of the last nights, these say for how many epochs all rows are learnt.
    """

    objective: Objective
    seed: int
    options: NetworkOptions
    rows: NetworkRows
    is_late: Int64s
    start: NetworkWeights

    @property
    def late(self) -> Booleans:
        """Which rows are of the last nights."""
        return np.asarray(self.is_late == 1)

    def batch_size(self, rows: int) -> int:
        """How many rows a step sees."""
        wanted = self.options.batch_size or rows // BATCHES
        if self.options.batch_size:
            return wanted
        return min(MOST_OF_A_BATCH, max(LEAST_OF_A_BATCH, wanted))

    @property
    def arrays(self) -> dict[str, Array]:
        """All its numbers, by name."""
        return {
            "scaled": self.rows.scaled,
            "codes": self.rows.codes,
            "targets": self.rows.targets,
            "row_weights": self.rows.weights,
            "is_late": self.is_late,
            **self.start.named(),
        }

    @property
    def notes(self) -> dict[str, str]:
        """All else, as text."""
        return {
            "objective": self.objective,
            "seed": str(self.seed),
            "options": json.dumps(self.options.as_parameters(), sort_keys=True),
        }

    def to_bytes(self) -> bytes:
        """As ``of_bytes`` reads it."""
        return packed(self.arrays, self.notes)

    @classmethod
    def of_bytes(cls, body: bytes) -> Self:
        """Raises ``ValueError`` for bytes that are no job."""
        arrays, notes = unpacked(body)
        return cls(
            objective=_objective(notes),
            seed=int(notes["seed"]),
            options=NetworkOptions.of(json.loads(notes["options"])),
            rows=NetworkRows(
                scaled=arrays["scaled"],
                codes=arrays["codes"],
                targets=arrays["targets"],
                weights=arrays["row_weights"],
            ),
            is_late=arrays["is_late"],
            start=NetworkWeights.of(arrays),
        )

    def digest(self, *more: str) -> str:
        """Of all that decides what is learnt, and of what else does."""
        facts = json.dumps([self.notes, *more])
        digest = hashlib.sha256(facts.encode())
        for name, array in self.arrays.items():
            described = f"{name} {array.dtype} {array.shape}"
            digest.update(described.encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def _objective(notes: Mapping[str, str]) -> Objective:
    objectives: dict[str, Objective] = {
        "binary": "binary",
        "multiclass": "multiclass",
        "regression": "regression",
    }
    return objectives[notes["objective"]]
