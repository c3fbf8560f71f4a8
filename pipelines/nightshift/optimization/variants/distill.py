"""Fit a network's weights to a teacher's scores with torch, the same to the last bit each time."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nightshift.extras import require
from nightshift.modelling.arrays import Array, Float32s, Int64s
from nightshift.optimization.variants.network import Network

if TYPE_CHECKING:
    import torch

BATCH = 1024
REPORTS = 40


@dataclass(frozen=True)
class DistillationSet:
    """Inputs as a network is fed them, and what the teacher says of each row, (n,)."""

    inputs: dict[str, Array]
    scores: Float32s


def fit(start: Network, teacher: DistillationSet, *, steps: int, rate: float, seed: int) -> tuple[Network, list[float]]:
    """The network after ``steps`` of Adam from ``start``; the loss over the run, ``REPORTS`` means of it.

    The loss is cross entropy with the teacher's scores as soft labels (Hinton, Vinyals & Dean, 2015,
    "Distilling the knowledge in a neural network", at temperature 1): its minimum is the teacher itself.
    Raises ``UsageError`` without the extra ``networks``.
    """
    require("networks", "fitting a network (a student or pruned one of optimize.variants)")
    import torch

    with _one_thread():
        scaled = start.scaling(teacher.inputs["numbers"])
        model = _TorchNetwork(start, scaled)
        dense = torch.from_numpy(model.standardised(scaled))
        codes = torch.from_numpy(_codes(start, teacher))
        targets = torch.from_numpy(teacher.scores.astype(np.float32))
        adam = torch.optim.Adam(model.parameters, lr=rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: _warm_then_cosine(step, steps))
        losses = []
        for chosen in _batches(len(targets), steps, seed):
            odds = model(dense[chosen], codes[chosen])
            loss = torch.nn.functional.binary_cross_entropy_with_logits(odds, targets[chosen])
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            schedule.step()
            losses.append(loss.detach())
    reports = torch.stack(losses).chunk(REPORTS)
    return model.network(start), [float(part.mean()) for part in reports]


def _codes(start: Network, teacher: DistillationSet) -> Int64s:
    """Rows of the tables: torch does not count from the end, as -1 does."""
    if not start.tables:
        rows = len(teacher.scores)
        return np.empty((rows, 0), np.int64)
    codes = teacher.inputs["codes"]
    sizes = np.array([len(table) for table in start.tables], np.int64)
    return np.asarray(codes % sizes)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Several add in an order of their own, and layers this small gain nothing from them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _warm_then_cosine(step: int, steps: int) -> float:
    warm_steps = max(1, steps // 20)
    warmth = min(1.0, (step + 1) / warm_steps)
    cosine = math.cos(math.pi * step / steps)
    return warmth * (1 + cosine) / 2


def _batches(rows: int, steps: int, seed: int) -> "Iterator[torch.Tensor]":
    """Every row once, then every row again in another order, and so on."""
    import torch

    order = torch.Generator().manual_seed(seed)
    done = 0
    while True:
        shuffled = torch.randperm(rows, generator=order)
        for chosen in shuffled.split(BATCH):  # type: ignore[no-untyped-call]
            if done == steps:
                return
            done += 1
            yield chosen


class _TorchNetwork:
    """A ``Network`` in torch, its first layer over standardised inputs: rare values need large weights otherwise,
    which Adam's even steps are long in reaching."""

    def __init__(self, start: Network, dense: Float32s) -> None:
        count = dense.shape[1] // 2
        numbers = dense[:, :count]
        deviation = numbers.std(axis=0)
        self.mean = numbers.mean(axis=0)
        self.deviation = np.where(deviation > 0, deviation, np.float32(1))
        first = start.weights[0].copy()
        of_numbers = first[:count]
        bias = start.biases[0] + self.mean @ of_numbers
        of_numbers *= self.deviation[:, None]
        self.tables = _learnable(start.tables)
        self.weights = _learnable([first, *start.weights[1:]])
        self.biases = _learnable([bias, *start.biases[1:]])
        self.parameters = [*self.weights, *self.biases, *self.tables]

    def standardised(self, dense: Float32s) -> Float32s:
        """Scaled numbers around 0, with deviation 1; the flags for nulls as they are."""
        count = len(self.mean)
        numbers = dense[:, :count]
        flags = dense[:, count:]
        standardised = (numbers - self.mean) / self.deviation
        return np.hstack([standardised, flags])

    def __call__(self, dense: "torch.Tensor", codes: "torch.Tensor") -> "torch.Tensor":
        import torch

        parts = [dense]
        for place, table in enumerate(self.tables):
            parts.append(torch.nn.functional.embedding(codes[:, place], table))
        values = torch.cat(parts, dim=1)
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            if place > 0:
                values = values.relu()
            values = torch.addmm(bias, values, weight)
        return values.squeeze(1)

    def network(self, start: Network) -> Network:
        """The weights as they are now, over inputs as they come."""
        weights = _as_arrays(self.weights)
        biases = _as_arrays(self.biases)
        of_numbers = weights[0][: len(self.mean)]
        of_numbers /= self.deviation[:, None]
        biases[0] -= self.mean @ of_numbers
        return replace(
            start,
            tables=tuple(_as_arrays(self.tables)),
            weights=tuple(weights),
            biases=tuple(biases),
        )


def _learnable(arrays: Sequence[Float32s]) -> "list[torch.Tensor]":
    import torch

    copies = [np.array(array, np.float32) for array in arrays]
    return [torch.from_numpy(copy).requires_grad_() for copy in copies]


def _as_arrays(tensors: "list[torch.Tensor]") -> list[Float32s]:
    arrays = [tensor.detach().numpy() for tensor in tensors]
    return [array.copy() for array in arrays]
