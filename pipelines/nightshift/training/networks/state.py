"""Where a training stands after an epoch: all that the next epoch needs, as bytes and back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from nightshift.modelling.arrays import Array, Float32s
from nightshift.training.networks.array_file import packed, unpacked

if TYPE_CHECKING:
    import torch

MOMENTS = ("exp_avg", "exp_avg_sq")
"""What Adam remembers of each parameter, by torch's names."""


@dataclass
class LearningState:
    """``epochs`` done in ``steps``; the parameters, their running means, and both of Adam's moments of each.

    ``losses`` has that of the late nights after each epoch, where there are any.
    """

    parameters: list[Float32s]
    means: list[Float32s]
    moments: dict[str, list[Float32s]] = field(default_factory=dict)
    epochs: int = 0
    steps: int = 0
    losses: list[float] = field(default_factory=list)

    @classmethod
    def beginning(cls, arrays: Sequence[Float32s]) -> Self:
        """Before the first epoch."""
        return cls(
            parameters=list(arrays),
            means=list(arrays),
        )

    @property
    def best_epoch(self) -> int:
        """After how many epochs the late nights were best."""
        best = min(self.losses)
        return self.losses.index(best) + 1

    def has_stopped(self, patience: int) -> bool:
        """Whether so many epochs brought nothing."""
        if not self.losses:
            return False
        return self.epochs - self.best_epoch >= patience

    def to_bytes(self) -> bytes:
        """As ``of_bytes`` reads it."""
        lists = {"parameters": self.parameters, "means": self.means, **self.moments}
        arrays: dict[str, Array] = {}
        for part, values in lists.items():
            for place, array in enumerate(values):
                arrays[f"{part}.{place:06d}"] = array
        notes = {
            "epochs": str(self.epochs),
            "steps": str(self.steps),
            "losses": json.dumps(self.losses),
        }
        return packed(arrays, notes)

    @classmethod
    def of_bytes(cls, body: bytes) -> Self:
        """Raises ``ValueError`` for bytes that are no state."""
        arrays, notes = unpacked(body)
        lists: dict[str, list[Array]] = {}
        for name in sorted(arrays):
            part, _, _ = name.partition(".")
            of_part = lists.setdefault(part, [])
            of_part.append(arrays[name])
        try:
            return cls(
                parameters=lists.pop("parameters"),
                means=lists.pop("means"),
                moments=lists,
                epochs=int(notes["epochs"]),
                steps=int(notes["steps"]),
                losses=json.loads(notes["losses"]),
            )
        except KeyError as error:
            raise ValueError(f"no state of a training: it lacks {error}") from error

    def remember(self, optimizer: "torch.optim.Optimizer") -> None:
        """Take Adam's moments over."""
        for moment in MOMENTS:
            states = optimizer.state.values()
            self.moments[moment] = [state[moment].numpy().copy() for state in states]

    def remind(self, optimizer: "torch.optim.Optimizer") -> None:
        """Give Adam what it knew."""
        import torch

        if not self.moments:
            return
        (group,) = optimizer.param_groups
        for place, parameter in enumerate(group["params"]):
            state = optimizer.state[parameter]
            state["step"] = torch.tensor(float(self.steps))
            for moment in MOMENTS:
                state[moment] = torch.from_numpy(self.moments[moment][place].copy())
