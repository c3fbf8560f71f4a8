"""What variants are made from, made once: the trained pipeline taken apart, a student, rows to teach it with."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.errors import VariantRefused
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.label_types import label_type
from nightshift.optimization.finish import finished
from nightshift.optimization.variants import student
from nightshift.optimization.variants.distill import DistillationSet
from nightshift.optimization.variants.from_sklearn import trained_network
from nightshift.optimization.variants.network import Network
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec
from nightshift.training.trainer import Trainer
from nightshift.training.trainers import trainer_of

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class VariantInputs:
    """A trained pipeline, its training rows and its exact graph ``fp32``. ``losses`` fill as networks learn."""

    spec: ModelSpec
    pipeline: "Pipeline"
    train: LabelledRows
    fp32: bytes
    losses: dict[str, list[float]] = field(default_factory=dict)

    @property
    def trainer(self) -> Trainer:
        """What trained the pipeline."""
        return trainer_of(self.spec)

    @cached_property
    def prepared(self) -> Prepared:
        """The pipeline's columns and categories."""
        return Prepared(self.spec, self.pipeline)

    @cached_property
    def network(self) -> Network:
        """The model's own weights. Raises ``VariantRefused`` for a model that is no network."""
        return trained_network(self.prepared)

    @cached_property
    def distillation_set(self) -> DistillationSet:
        """Resampled training rows with the exact graph's scores."""
        exact = OnnxGraph(self.spec, self.fp32, "cpu")
        return student.make_distillation_set(self.prepared, self.train, exact)

    @cached_property
    def student(self) -> Network:
        """A small network taught by the trained model. Raises ``VariantRefused`` for one that is small itself."""
        self._require_one_probability("a student")
        if self.trainer.layout != "trees":
            raise VariantRefused(f"a student of {self.trainer.name} would be no smaller than its teacher")
        if not self.prepared.numbers:
            raise VariantRefused("the model has no numeric feature")
        if np.isinf(self.training_inputs()["numbers"]).any():
            raise VariantRefused("a network cannot learn from numbers that float32 cannot hold")
        network, self.losses["student"] = student.student(self.prepared, self.train, self.distillation_set)
        return network

    @cached_property
    def shrinkable(self) -> Network:
        """The network to shrink: the model itself where it is one, else its student. Raises ``VariantRefused``."""
        network = self.student if self.trainer.layout == "trees" else self.network
        if len(network.weights) == 1:
            raise VariantRefused("a linear model has no layer to shrink")
        return network

    @cached_property
    def shrinkable_file(self) -> bytes:
        """Its graph."""
        return self.shrinkable.to_onnx(self.spec.name)

    def pruned(self) -> Network:
        """Half of that network, fine-tuned. Raises ``VariantRefused``."""
        self._require_one_probability("a pruned network")
        network, self.losses["pruned"] = student.pruned(self.shrinkable, self.distillation_set, self.spec)
        return network

    def finished(self, body: bytes) -> bytes:
        """A graph of the model's own weights, with what the model makes of its scores; a student learns these."""
        return finished(self.spec, self.pipeline, body)

    def finished_own(self, body: bytes) -> bytes:
        """The same where the network that is shrunk is the model itself."""
        return body if self.trainer.layout == "trees" else self.finished(body)

    def training_inputs(self) -> dict[str, Any]:
        """Training rows as a network is fed them."""
        feeds = self.prepared.two_matrices()
        return feeds(self.train.table)

    def _require_one_probability(self, what: str) -> None:
        label = label_type(self.spec)
        if not label.can_be_distilled:
            kind = self.spec.label.type
            raise VariantRefused(f"{what} learns P(label) of a binary label, this one is {kind}")
