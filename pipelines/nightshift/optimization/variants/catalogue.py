"""The graphs that can be tried, by the names that a spec gives them, in its order."""

from collections.abc import Callable
from dataclasses import dataclass

from nightshift.errors import VariantRefused
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import with_label_identity
from nightshift.optimization.variants import int8, offline
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.optimization.variants.trees import forest_of, to_onnx
from nightshift.optimization.variants.truncated import truncated
from nightshift.progress import OnProgress, counted, unheard
from nightshift.spec import ModelSpec

FP32 = "fp32"


@dataclass(frozen=True)
class VariantBuilder:
    """How a graph is made. Exact ones must show parity; the others are judged by what they lose."""

    name: str
    exact: bool
    build: Callable[[VariantInputs], bytes]


def builders(spec: ModelSpec) -> list[VariantBuilder]:
    """Those that the spec asks for."""
    wanted = spec.optimize.variants
    return [builder for builder in BUILDERS if builder.name in wanted]


def is_exact(name: str) -> bool:
    """Whether a graph of that name must show parity with the trained model."""
    for builder in BUILDERS:
        if builder.name == name:
            return builder.exact
    return True


def build_all(
    inputs: VariantInputs, progress: OnProgress = unheard, no_approximate: str = ""
) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files by name, and why the others were not built; ``no_approximate`` is why no approximate one is."""
    files: dict[str, bytes] = {}
    refusals: dict[str, str] = {}
    for builder in counted(builders(inputs.spec), "building graphs", progress):
        try:
            files[builder.name] = _build(builder, inputs, no_approximate)
        except VariantRefused as error:
            refusals[builder.name] = error.message
    return files, refusals


def _build(builder: VariantBuilder, inputs: VariantInputs, no_approximate: str) -> bytes:
    spec = inputs.spec
    if not builder.exact and spec.optimize.max_metric_loss is None:
        raise VariantRefused("not built: the spec allows no metric loss")
    if not builder.exact and no_approximate:
        raise VariantRefused(no_approximate)
    label = label_type(spec)
    body = builder.build(inputs)
    return with_label_identity(label, body)


def _optimized(inputs: VariantInputs) -> bytes:
    return offline.optimized(inputs.fp32)


def _codes(inputs: VariantInputs) -> bytes:
    if inputs.trainer.layout == "trees":
        forest = forest_of(inputs.prepared)
        return inputs.finished(to_onnx(inputs.prepared, forest))
    network = inputs.network
    return inputs.finished(network.to_onnx(inputs.spec.name))


def _mirrored(inputs: VariantInputs) -> bytes:
    forest = forest_of(inputs.prepared)
    return inputs.finished(to_onnx(inputs.prepared, forest, mirrored=True))


def _half(inputs: VariantInputs) -> bytes:
    return inputs.finished(truncated(inputs.prepared, inputs.train, 0.5))


def _quarter(inputs: VariantInputs) -> bytes:
    return inputs.finished(truncated(inputs.prepared, inputs.train, 0.25))


def _student(inputs: VariantInputs) -> bytes:
    network = inputs.student
    return network.to_onnx(inputs.spec.name)


def _pruned(inputs: VariantInputs) -> bytes:
    network = inputs.pruned()
    return network.to_onnx(inputs.spec.name)


def _dynamic(inputs: VariantInputs) -> bytes:
    return inputs.finished_own(int8.dynamic(inputs.shrinkable_file))


def _static(inputs: VariantInputs) -> bytes:
    ranges = inputs.training_inputs()
    return inputs.finished_own(int8.static(inputs.shrinkable_file, ranges))


BUILDERS = (
    VariantBuilder("fp32_optimized", True, _optimized),
    VariantBuilder("codes", True, _codes),
    VariantBuilder("codes_mirrored", True, _mirrored),
    VariantBuilder("truncated_half", False, _half),
    VariantBuilder("truncated_quarter", False, _quarter),
    VariantBuilder("student", False, _student),
    VariantBuilder("pruned", False, _pruned),
    VariantBuilder("int8_dynamic", False, _dynamic),
    VariantBuilder("int8_static", False, _static),
)
