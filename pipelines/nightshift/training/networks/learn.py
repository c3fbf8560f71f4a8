"""The epochs of a network: the same to the last bit each time, and from a checkpoint as if nothing had happened.

What an epoch draws at random, the order of rows and what is hidden or left out, follows from the seed and the epoch's
number alone. So weights, their running means and Adam's moments are all that a checkpoint has to hold.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nightshift.code_digest import code_digest
from nightshift.training.networks.checkpoints import Checkpoints
from nightshift.training.networks.job import NetworkJob, NetworkRows
from nightshift.training.networks.state import LearningState
from nightshift.training.networks.team import ALONE, Team
from nightshift.training.networks.torch_network import TorchNetwork, TorchRows
from nightshift.training.networks.weights import NetworkWeights

if TYPE_CHECKING:
    import torch

log = logging.getLogger("nightshift")
SLOWEST_MEAN = 0.998
"""How much of the running mean of weights a step leaves, once there were many (Polyak and Juditsky, 1992)."""


@dataclass(frozen=True)
class LearntNetwork:
    """The weights after so many epochs over all rows; ``losses`` of the late nights as these were not learnt."""

    weights: NetworkWeights
    epochs: int
    losses: list[float]


def learn(job: NetworkJob, checkpoints: Checkpoints | None = None, team: Team = ALONE) -> LearntNetwork:
    """Find by the late nights how many epochs do best; then learn all rows for so many.

    Raises ``ArithmeticError`` for a loss that is no number any more.
    """
    with _one_thread():
        to_stop, of_whole = checkpoint_names(job, team.size) if checkpoints else ("", "")
        losses: list[float] = []
        epochs = job.options.max_iter
        if job.late.any():
            early = job.rows.only(~job.late)
            late = job.rows.only(job.late)
            stopping = _Learning(job, early, to_stop, team, late)
            state = stopping.run(epochs, checkpoints)
            losses = state.losses
            epochs = state.best_epoch
        whole = _Learning(job, job.rows, of_whole, team)
        state = whole.run(epochs, checkpoints)
    return LearntNetwork(
        weights=job.start.with_arrays(state.means),
        epochs=epochs,
        losses=losses,
    )


def checkpoint_names(job: NetworkJob, processes: int) -> tuple[str, str]:
    """Of the search for the number of epochs, and of all rows: by everything that decides the bits."""
    import torch

    code = code_digest("nightshift.training.networks")
    digest = job.digest(f"torch {torch.__version__}, {processes} processes, {code}")
    return f"stopping-{digest}", f"whole-{digest}"


@contextmanager
def _one_thread() -> Iterator[None]:
    """Several add in an order of their own, and layers this small gain little from them."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(before)


class _Learning:
    """Epochs over some rows, judged by others where there are others."""

    def __init__(
        self,
        job: NetworkJob,
        rows: NetworkRows,
        name: str,
        team: Team,
        late: NetworkRows | None = None,
    ) -> None:
        self._job = job
        self._rows = TorchRows(job, rows)
        self._late = TorchRows(job, late) if late else None
        self._name = name
        self._team = team
        self._batch_size = job.batch_size(len(rows))

    def run(self, epochs: int, checkpoints: Checkpoints | None) -> LearningState:
        """From where the last try came to, up to so many epochs or to where the late nights end it."""
        state = self._read(checkpoints)
        network = TorchNetwork(self._job, state.parameters)
        means = TorchNetwork(self._job, state.means)
        optimizer = self._adam(network, state)
        patience = self._job.options.n_iter_no_change
        while state.epochs < epochs and not state.has_stopped(patience):
            self._epoch(state, network, means, optimizer)
            state.remember(optimizer)
            state.parameters = _as_arrays(network)
            state.means = _as_arrays(means)
            if checkpoints and self._team.is_first:
                checkpoints.write(self._name, state.to_bytes())
        return state

    def _read(self, checkpoints: Checkpoints | None) -> LearningState:
        arrays = self._job.start.in_order()
        body = checkpoints.read(self._name) if checkpoints else None
        if body is None:
            return LearningState.beginning(arrays)
        try:
            state = LearningState.of_bytes(body)
        except ValueError as error:
            log.warning("the checkpoint %s cannot be read, and the training begins anew: %s", self._name, error)
            return LearningState.beginning(arrays)
        log.info("the training goes on after epoch %d of %s", state.epochs, self._name)
        return state

    def _adam(self, network: TorchNetwork, state: LearningState) -> "torch.optim.Optimizer":
        import torch

        options = self._job.options
        optimizer = torch.optim.AdamW(
            network.parameters,
            lr=options.learning_rate_init,
            weight_decay=options.weight_decay,
            fused=True,
        )
        state.remind(optimizer)
        return optimizer

    def _epoch(
        self,
        state: LearningState,
        network: TorchNetwork,
        means: TorchNetwork,
        optimizer: "torch.optim.Optimizer",
    ) -> None:
        import torch

        drawn = np.random.default_rng([self._job.seed, state.epochs])
        order = torch.from_numpy(drawn.permutation(len(self._rows)))
        self._rows.hide_some(drawn)
        # Not torch.manual_seed, which also writes down for every other device who asked.
        torch.default_generator.manual_seed(int(drawn.integers(2**31)) + self._team.place)
        for chosen in order.split(self._batch_size):  # type: ignore[no-untyped-call]
            if not self._rows.weights[chosen].any():
                continue
            self._step(network, optimizer, chosen)
            state.steps += 1
            _move_means(means, network, state.steps)
        state.epochs += 1
        self._judge(state, means)

    def _step(self, network: TorchNetwork, optimizer: "torch.optim.Optimizer", chosen: "torch.Tensor") -> None:
        optimizer.zero_grad()
        losses = network.losses(self._rows, self._team.share(chosen), learns=True)
        loss = losses.sum() / self._rows.weights[chosen].sum()
        loss.backward()  # type: ignore[no-untyped-call]
        self._team.add_up(network.parameters)
        optimizer.step()

    def _judge(self, state: LearningState, means: TorchNetwork) -> None:
        if self._late is not None:
            state.losses.append(means.mean_loss(self._late))
        sums = [float(parameter.detach().sum()) for parameter in means.parameters]
        if not math.isfinite(sum(sums) + sum(state.losses[-1:])):
            raise ArithmeticError(f"after epoch {state.epochs} the loss is no number: lower learning_rate_init")


def _move_means(means: TorchNetwork, network: TorchNetwork, steps: int) -> None:
    """The running mean of each weight, shorter at the beginning, when weights still go far."""
    import torch

    left = min(SLOWEST_MEAN, (1 + steps) / (10 + steps))
    with torch.no_grad():
        torch._foreach_lerp_(means.parameters, network.parameters, 1 - left)


def _as_arrays(network: TorchNetwork) -> list[np.ndarray]:
    arrays = [parameter.detach().numpy() for parameter in network.parameters]
    return [array.copy() for array in arrays]
