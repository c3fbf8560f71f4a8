"""Fit a network's weights to a teacher's scores with torch, the same to the last bit each time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

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
    """
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
        return np.empty((len(teacher.scores), 0), np.int64)
    sizes = np.array([len(table) for table in start.tables], np.int64)
    return np.asarray(teacher.inputs["codes"] % sizes)


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
    return warmth * 0.5 * (1 + math.cos(math.pi * step / steps))


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
        numbers = dense[:, : dense.shape[1] // 2]
        self.mean = numbers.mean(axis=0)
        deviation = numbers.std(axis=0)
        self.deviation = np.where(deviation > 0, deviation, np.float32(1))
        count = len(self.mean)
        first = start.weights[0].copy()
        bias = start.biases[0] + self.mean @ first[:count]
        first[:count] *= self.deviation[:, None]
        self.tables = [_learnable(table) for table in start.tables]
        self.weights = [_learnable(weight) for weight in (first, *start.weights[1:])]
        self.biases = [_learnable(bias) for bias in (bias, *start.biases[1:])]
        self.parameters = [*self.weights, *self.biases, *self.tables]

    def standardised(self, dense: Float32s) -> Float32s:
        """Scaled numbers around 0, with deviation 1; the flags for nulls as they are."""
        count = len(self.mean)
        numbers = (dense[:, :count] - self.mean) / self.deviation
        return np.hstack([numbers, dense[:, count:]])

    def __call__(self, dense: "torch.Tensor", codes: "torch.Tensor") -> "torch.Tensor":
        import torch

        rows = [torch.nn.functional.embedding(codes[:, place], table) for place, table in enumerate(self.tables)]
        inputs = torch.cat([dense, *rows], dim=1)
        activations = torch.addmm(self.biases[0], inputs, self.weights[0])
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            activations = torch.addmm(bias, activations.relu(), weight)
        return activations.squeeze(1)

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


def _learnable(values: Float32s) -> "torch.Tensor":
    import torch

    return torch.from_numpy(np.array(values, np.float32)).requires_grad_()


def _as_arrays(tensors: "list[torch.Tensor]") -> list[Float32s]:
    return [tensor.detach().numpy().copy() for tensor in tensors]
