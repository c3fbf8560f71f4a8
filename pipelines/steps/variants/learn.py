"""Fit a network's weights to a teacher's scores with torch, the same to the last bit each time."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.steps.variants.network import Floats, Network

if TYPE_CHECKING:
    import torch

BATCH = 1024
REPORTS = 40


@dataclass(frozen=True)
class Lesson:
    """Inputs as a network is fed them, and what the teacher says of each row, (n,)."""

    inputs: dict[str, NDArray[Any]]
    scores: Floats


def fit(start: Network, lesson: Lesson, *, steps: int, rate: float, seed: int) -> tuple[Network, list[float]]:
    """The network after ``steps`` of Adam from ``start``; the loss over the run, ``REPORTS`` means of it.

    The loss is cross entropy with the teacher's scores as soft labels (Hinton, Vinyals & Dean, 2015,
    "Distilling the knowledge in a neural network", at temperature 1): its minimum is the teacher itself.
    """
    import torch

    with _alone():
        model = _Model(start)
        dense = torch.from_numpy(start.scaling(lesson.inputs["numbers"]))
        codes = torch.from_numpy(lesson.inputs["codes"] % model.sizes) if start.tables else None
        targets = torch.from_numpy(lesson.scores.astype(np.float32))
        adam = torch.optim.Adam(model.parameters, lr=rate, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: _warm_then_cosine(step, steps))
        losses = []
        for chosen in _batches(len(targets), steps, seed):
            odds = model(dense[chosen], codes[chosen] if codes is not None else None)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(odds, targets[chosen])
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            schedule.step()
            losses.append(loss.detach())
    curve = [float(part.mean()) for part in torch.stack(losses).chunk(REPORTS)]
    return model.network(start), curve


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
    """A ``Network`` in torch. Tables lie in one, each after the one before."""

    def __init__(self, start: Network) -> None:
        import torch

        def learnt(values: Floats) -> torch.Tensor:
            return torch.from_numpy(values.copy()).requires_grad_()

        self.sizes = np.array([len(table) for table in start.tables], np.int64)
        self.offsets = torch.from_numpy(np.cumsum([0, *self.sizes[:-1]]))
        self.table = learnt(np.vstack(start.tables)) if start.tables else None
        self.weights = [learnt(weight) for weight in start.weights]
        self.biases = [learnt(bias) for bias in start.biases]
        self.parameters = [*self.weights, *self.biases, *([] if self.table is None else [self.table])]

    def __call__(self, dense: "torch.Tensor", codes: "torch.Tensor | None") -> "torch.Tensor":
        import torch

        found = torch.addmm(self.biases[0], dense, self.weights[0])
        if codes is not None and self.table is not None:
            found = found + torch.nn.functional.embedding_bag(codes + self.offsets, self.table, mode="sum")
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            found = torch.addmm(bias, found.relu(), weight)
        return found.squeeze(1)

    def network(self, start: Network) -> Network:
        def plain(values: "torch.Tensor") -> Floats:
            return values.detach().numpy().copy()

        tables = () if self.table is None else np.split(plain(self.table), np.cumsum(self.sizes)[:-1])
        weights, biases = tuple(map(plain, self.weights)), tuple(map(plain, self.biases))
        return replace(start, tables=tuple(tables), weights=weights, biases=biases)
