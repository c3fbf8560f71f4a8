"""Processes that learn one network together: each sees its share of every batch, and all add their gradients up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Team:
    """This process's place among ``size``; the first keeps checkpoints."""

    place: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether it is the one that writes."""
        return self.place == 0

    def share(self, chosen: "torch.Tensor") -> "torch.Tensor":
        """The rows of a batch that are this process's."""
        return chosen[self.place :: self.size]

    def add_up(self, parameters: Sequence["torch.Tensor"]) -> None:
        """The gradient of each parameter becomes the sum over all processes, in one message."""
        if self.size == 1:
            return
        import torch
        from torch import distributed

        gradients = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        together = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(together)
        sizes = [gradient.numel() for gradient in gradients]
        for gradient, summed in zip(gradients, together.split(sizes), strict=True):  # type: ignore[no-untyped-call]
            gradient.copy_(summed.view_as(gradient))


ALONE = Team()
