"""The graphs that can be tried, by the names that a spec gives them, in its order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nightshift.errors import VariantRefused
from nightshift.modelling.label_types import label_type
from nightshift.optimization.export import said
from nightshift.optimization.variants import int8, offline
from nightshift.optimization.variants.from_sklearn import own_network
from nightshift.optimization.variants.inputs import VariantInputs
from nightshift.optimization.variants.trees import ensemble, to_onnx
from nightshift.optimization.variants.truncated import truncated
from nightshift.spec import ModelSpec

FP32 = "fp32"


@dataclass(frozen=True)
class VariantBuilder:
    """How a graph is made. Exact ones must show parity; the others are judged by what they lose."""

    name: str
    exact: bool
    build: Callable[[VariantInputs], bytes]


def recipes(spec: ModelSpec) -> Iterator[VariantBuilder]:
    """The recipes that the spec asks for."""
    for recipe in RECIPES:
        if recipe.name in spec.optimize.variants:
            yield recipe


def _codes(shop: VariantInputs) -> bytes:
    if shop.spec.training.trainer == "hist_gradient_boosting":
        return to_onnx(shop.prepared, ensemble(shop.prepared))
    return own_network(shop.prepared).to_onnx(shop.spec.name)


def _mirrored(shop: VariantInputs) -> bytes:
    return to_onnx(shop.prepared, ensemble(shop.prepared), mirrored=True)


def _static(shop: VariantInputs) -> bytes:
    return int8.static(shop.network_file, shop.training_inputs())


RECIPES = (
    VariantBuilder("fp32_optimized", True, lambda shop: offline.optimized(shop.fp32)),
    VariantBuilder("codes", True, _codes),
    VariantBuilder("codes_mirrored", True, _mirrored),
    VariantBuilder("truncated_half", False, lambda shop: truncated(shop.prepared, shop.train, 0.5)),
    VariantBuilder("truncated_quarter", False, lambda shop: truncated(shop.prepared, shop.train, 0.25)),
    VariantBuilder("student", False, lambda shop: shop.student.to_onnx(shop.spec.name)),
    VariantBuilder("pruned", False, lambda shop: shop.pruned().to_onnx(shop.spec.name)),
    VariantBuilder("int8_dynamic", False, lambda shop: int8.dynamic(shop.network_file)),
    VariantBuilder("int8_static", False, _static),
)


def build_all(shop: VariantInputs) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files by name, and why the others were not built."""
    files, refused = {}, {}
    for recipe in recipes(shop.spec):
        try:
            if not recipe.exact and shop.spec.optimize.max_metric_loss is None:
                raise VariantRefused("not built: the spec allows no metric loss")
            files[recipe.name] = said(label_type(shop.spec), recipe.build(shop))
        except VariantRefused as error:
            refused[recipe.name] = error.message
    return files, refused
