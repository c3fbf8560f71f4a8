"""A network in torch: forward, its loss, and the running mean of its weights, which is what is kept."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import numpy as np

from nightshift.modelling.arrays import Float32s
from nightshift.training.networks.job import NetworkJob, NetworkRows

if TYPE_CHECKING:
    import torch

EVALUATED_AT_ONCE = 16_384


HIDDEN_SHARE = 0.02
"""Of the categories of an epoch's rows, hidden as if nobody had seen them: so their row of the table is learnt."""


class TorchRows:
    """Rows as tensors; a code for a value never seen is the last row of its table."""

    def __init__(self, job: NetworkJob, rows: NetworkRows) -> None:
        import torch

        self._sizes = np.array([len(table) for table in job.start.tables], np.int64)
        is_class = job.objective == "multiclass"
        targets = rows.targets.astype(np.int64) if is_class else rows.targets
        self._codes = rows.codes % self._sizes if len(self._sizes) else rows.codes
        self.dense = torch.from_numpy(rows.scaled)
        self.codes = torch.from_numpy(self._codes)
        self.targets = torch.from_numpy(targets)
        self.weights = torch.from_numpy(rows.weights)

    def __len__(self) -> int:
        return len(self.targets)

    def hide_some(self, drawn: np.random.Generator) -> None:
        """Hide other categories than before."""
        import torch

        is_hidden = drawn.random(self._codes.shape) < HIDDEN_SHARE
        codes = np.where(is_hidden, self._sizes - 1, self._codes) if len(self._sizes) else self._codes
        self.codes = torch.from_numpy(codes)


class TorchNetwork:
    """The layers of a job, its parameters in the order of ``NetworkWeights``."""

    def __init__(self, job: NetworkJob, arrays: Sequence[Float32s]) -> None:
        import torch

        tensors = [torch.from_numpy(array.copy()) for array in arrays]
        self.job = job
        self.parameters = [tensor.requires_grad_() for tensor in tensors]
        self._tables = len(job.start.tables)
        self._layers = len(job.start.weights)

    def losses(self, rows: TorchRows, chosen: "torch.Tensor", *, learns: bool) -> "torch.Tensor":
        """The loss of each of the chosen rows times its weight, (m,)."""
        with self._precision():
            raw = self._raw(rows.dense[chosen], rows.codes[chosen], learns=learns)
        losses = self._by_row(raw.float(), rows.targets[chosen])
        return losses * rows.weights[chosen]

    def mean_loss(self, rows: TorchRows) -> float:
        """Of all rows by their weights, without dropout."""
        import torch

        total = 0.0
        with torch.no_grad():
            for chosen in torch.arange(len(rows)).split(EVALUATED_AT_ONCE):  # type: ignore[no-untyped-call]
                losses = self.losses(rows, chosen, learns=False)
                total += float(losses.double().sum())
        return total / float(rows.weights.double().sum())

    def _precision(self) -> "AbstractContextManager[object]":
        import torch

        if not self.job.options.mixed_precision:
            return nullcontext()
        return torch.autocast("cpu", dtype=torch.bfloat16)

    def _raw(self, dense: "torch.Tensor", codes: "torch.Tensor", *, learns: bool) -> "torch.Tensor":
        """Raw scores, (m, outputs)."""
        import torch
        from torch.utils.checkpoint import checkpoint

        parts = [dense]
        for place, table in enumerate(self.parameters[: self._tables]):
            row = torch.nn.functional.embedding(codes[:, place], table)
            parts.append(row)
        values = torch.cat(parts, dim=1)
        for place in range(self._layers - 1):
            if learns and self.job.options.gradient_checkpointing:
                values = checkpoint(self._hidden, values, place, learns, use_reentrant=False)
            else:
                values = self._hidden(values, place, learns)
        return self._dense(values, self._layers - 1)

    def _hidden(self, values: "torch.Tensor", place: int, learns: bool) -> "torch.Tensor":
        import torch

        activated = self._dense(values, place).relu()
        rate = self.job.options.dropout
        if not rate:
            return activated
        return torch.nn.functional.dropout(activated, rate, training=learns)

    def _dense(self, values: "torch.Tensor", place: int) -> "torch.Tensor":
        import torch

        weight = self.parameters[self._tables + place]
        bias = self.parameters[self._tables + self._layers + place]
        return torch.addmm(bias, values, weight)

    def _by_row(self, raw: "torch.Tensor", targets: "torch.Tensor") -> "torch.Tensor":
        from torch.nn import functional

        if self.job.objective == "multiclass":
            return functional.cross_entropy(raw, targets, reduction="none")
        one = raw.squeeze(1)
        if self.job.objective == "binary":
            return functional.binary_cross_entropy_with_logits(one, targets, reduction="none")
        return functional.mse_loss(one, targets, reduction="none")
