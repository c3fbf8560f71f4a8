"""What variants are made from, made once: the trained pipeline taken apart, a student, a lesson to learn from."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nightshift.errors import VariantRefused
from nightshift.modelling.holdout import LabelledRows
from nightshift.optimization.variants import student
from nightshift.optimization.variants.distill import DistillationSet
from nightshift.optimization.variants.from_sklearn import own_network
from nightshift.optimization.variants.network import Network
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.scoring.graph import OnnxGraph
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class VariantInputs:
    """A trained pipeline, its training rows and its exact graph ``fp32``. ``curves`` fills as networks learn."""

    spec: ModelSpec
    pipeline: "Pipeline"
    train: LabelledRows
    fp32: bytes
    curves: dict[str, list[float]] = field(default_factory=dict)

    @cached_property
    def prepared(self) -> Prepared:
        """The pipeline's columns and categories."""
        return Prepared(self.spec, self.pipeline)

    @cached_property
    def lesson(self) -> DistillationSet:
        """Resampled training rows with the exact graph's scores."""
        return student.teach(self.prepared, self.train, OnnxGraph(self.spec, self.fp32, "cpu"))

    @cached_property
    def student(self) -> Network:
        """A small network taught by the trained model. Raises ``VariantRefused`` for one that is small itself."""
        trainer = self.spec.training.trainer
        self._require_binary("a student")
        if trainer != "hist_gradient_boosting":
            raise VariantRefused(f"a student of {trainer} would be no smaller than its teacher")
        if not self.prepared.numbers:
            raise VariantRefused("the model has no numeric feature")
        return self._learnt("student", student.student(self.prepared, self.train, self.lesson))

    @cached_property
    def network(self) -> Network:
        """The network to shrink: the model itself where it is one, else its student. Raises ``VariantRefused``."""
        found = own_network(self.prepared) if self.spec.training.trainer != "hist_gradient_boosting" else self.student
        if len(found.weights) == 1:
            raise VariantRefused("a linear model has no layer to shrink")
        return found

    @cached_property
    def network_file(self) -> bytes:
        """Its graph."""
        return self.network.to_onnx(self.spec.name)

    def pruned(self) -> Network:
        """Half of that network, fine-tuned. Raises ``VariantRefused``."""
        self._require_binary("a pruned network")
        return self._learnt("pruned", student.pruned(self.network, self.lesson, self.spec))

    def training_inputs(self) -> dict[str, Any]:
        """Training rows as a network is fed them."""
        return self.prepared.two_matrices()(self.train.table)

    def _require_binary(self, what: str) -> None:
        if self.spec.label.type != "binary":
            raise VariantRefused(f"{what} learns P(label) of a binary label, this one is {self.spec.label.type}")

    def _learnt(self, name: str, found: tuple[Network, list[float]]) -> Network:
        network, self.curves[name] = found
        return network
