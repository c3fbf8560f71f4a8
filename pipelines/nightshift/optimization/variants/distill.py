"""Fit a network's weights to a teacher's scores with torch, the same to the last bit each time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nightshift.extras import require
from nightshift.optimization.variants.network import Float32s, Network

if TYPE_CHECKING:
    import torch

BATCH = 1024
REPORTS = 40


@dataclass(frozen=True)
class DistillationSet:
    """Inputs as a network is fed them, and what the teacher says of each row, (n,)."""

    inputs: dict[str, NDArray[Any]]
    scores: Float32s


def fit(start: Network, lesson: DistillationSet, *, steps: int, rate: float, seed: int) -> tuple[Network, list[float]]:
    """The network after ``steps`` of Adam from ``start``; the loss over the run, ``REPORTS`` means of it.

    The loss is cross entropy with the teacher's scores as soft labels (Hinton, Vinyals & Dean, 2015,
    "Distilling the knowledge in a neural network", at temperature 1): its minimum is the teacher itself.
    Raises ``UsageError`` without the extra ``networks``.
    """
    require("networks", "fitting a network (a student or pruned one of optimize.variants)")
    import torch

    with _alone():
        scaled = start.scaling(lesson.inputs["numbers"])
        model = _Model(start, scaled)
        dense, codes = torch.from_numpy(model.standardised(scaled)), torch.from_numpy(_codes(start, lesson))
        targets = torch.from_numpy(lesson.scores.astype(np.float32))
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
    curve = [float(part.mean()) for part in torch.stack(losses).chunk(REPORTS)]
    return model.network(start), curve


def _codes(start: Network, lesson: DistillationSet) -> NDArray[np.int64]:
    """Rows of the tables: torch does not count from the end, as -1 does."""
    sizes = np.array([len(table) for table in start.tables], np.int64)
    codes = lesson.inputs["codes"] if start.tables else np.empty((len(lesson.scores), 0), np.int64)
    return np.asarray(codes % sizes)


@contextmanager
def _alone() -> Iterator[None]:
    """One thread: several add in an order of their own, and layers this small gain nothing from them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _warm_then_cosine(step: int, steps: int) -> float:
    warm = max(1, steps // 20)
    return min(1.0, (step + 1) / warm) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _batches(rows: int, steps: int, seed: int) -> "Iterator[torch.Tensor]":
    """Every row once, then every row again in another order, and so on."""
    import torch

    order = torch.Generator().manual_seed(seed)
    done = 0
    while True:
        for chosen in torch.randperm(rows, generator=order).split(BATCH):  # type: ignore[no-untyped-call]
            if done == steps:
                return
            done += 1
            yield chosen


class _Model:
    """A ``Network`` in torch, its first layer over standardised inputs: rare values need large weights otherwise,
    which Adam's even steps are long in reaching."""

    def __init__(self, start: Network, dense: Float32s) -> None:
        numbers = dense.shape[1] // 2
        deviation = dense[:, :numbers].std(axis=0)
        self.mean = dense[:, :numbers].mean(axis=0)
        self.deviation = np.where(deviation > 0, deviation, np.float32(1))
        first = start.weights[0].copy()
        bias = start.biases[0] + self.mean @ first[:numbers]
        first[:numbers] *= self.deviation[:, None]
        self.tables = [_learnt(table) for table in start.tables]
        self.weights = [_learnt(weight) for weight in (first, *start.weights[1:])]
        self.biases = [_learnt(bias) for bias in (bias, *start.biases[1:])]
        self.parameters = [*self.weights, *self.biases, *self.tables]

    def standardised(self, dense: Float32s) -> Float32s:
        numbers = len(self.mean)
        return np.hstack([(dense[:, :numbers] - self.mean) / self.deviation, dense[:, numbers:]])

    def __call__(self, dense: "torch.Tensor", codes: "torch.Tensor") -> "torch.Tensor":
        import torch

        rows = [torch.nn.functional.embedding(codes[:, at], table) for at, table in enumerate(self.tables)]
        found = torch.addmm(self.biases[0], torch.cat([dense, *rows], dim=1), self.weights[0])
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            found = torch.addmm(bias, found.relu(), weight)
        return found.squeeze(1)

    def network(self, start: Network) -> Network:
        """The weights as they are now, over inputs as they come."""
        (first, *weights), (bias, *biases), tables = map(_plain, (self.weights, self.biases, self.tables))
        first[: len(self.mean)] /= self.deviation[:, None]
        bias -= self.mean @ first[: len(self.mean)]
        return replace(start, tables=tuple(tables), weights=(first, *weights), biases=(bias, *biases))


def _learnt(values: Float32s) -> "torch.Tensor":
    import torch

    return torch.from_numpy(np.array(values, np.float32)).requires_grad_()


def _plain(tensors: "list[torch.Tensor]") -> list[Float32s]:
    return [tensor.detach().numpy().copy() for tensor in tensors]
