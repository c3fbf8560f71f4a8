"""The graphs that can be tried, by the names that a spec gives them, in its order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipelines.errors import VariantRefused
from pipelines.spec import ModelSpec
from pipelines.steps.export import said
from pipelines.steps.tasks import task_of
from pipelines.steps.variants import int8, offline
from pipelines.steps.variants.own import own_network
from pipelines.steps.variants.trees import ensemble, to_onnx
from pipelines.steps.variants.truncated import truncated
from pipelines.steps.variants.workshop import Workshop

FP32 = "fp32"


@dataclass(frozen=True)
class Recipe:
    """How a graph is made. Exact ones must show parity; the others are judged by what they lose."""

    name: str
    exact: bool
    build: Callable[[Workshop], bytes]


def recipes(spec: ModelSpec) -> Iterator[Recipe]:
    """The recipes that the spec asks for."""
    for recipe in RECIPES:
        if recipe.name in spec.optimize.variants:
            yield recipe


def _codes(shop: Workshop) -> bytes:
    if shop.spec.training.trainer == "hist_gradient_boosting":
        return to_onnx(shop.prepared, ensemble(shop.prepared))
    return own_network(shop.prepared).to_onnx(shop.spec.name)


def _mirrored(shop: Workshop) -> bytes:
    return to_onnx(shop.prepared, ensemble(shop.prepared), mirrored=True)


def _static(shop: Workshop) -> bytes:
    return int8.static(shop.network_file, shop.training_inputs())


RECIPES = (
    Recipe("fp32_optimized", True, lambda shop: offline.optimized(shop.fp32)),
    Recipe("codes", True, _codes),
    Recipe("codes_mirrored", True, _mirrored),
    Recipe("truncated_half", False, lambda shop: truncated(shop.prepared, shop.train, 0.5)),
    Recipe("truncated_quarter", False, lambda shop: truncated(shop.prepared, shop.train, 0.25)),
    Recipe("student", False, lambda shop: shop.student.to_onnx(shop.spec.name)),
    Recipe("pruned", False, lambda shop: shop.pruned().to_onnx(shop.spec.name)),
    Recipe("int8_dynamic", False, lambda shop: int8.dynamic(shop.network_file)),
    Recipe("int8_static", False, _static),
)


def build_all(shop: Workshop) -> tuple[dict[str, bytes], dict[str, str]]:
    """The files by name, and why the others were not built."""
    files, refused = {}, {}
    for recipe in recipes(shop.spec):
        try:
            if not recipe.exact and shop.spec.optimize.max_metric_loss is None:
                raise VariantRefused("not built: the spec allows no metric loss")
            files[recipe.name] = said(task_of(shop.spec), recipe.build(shop))
        except VariantRefused as error:
            refused[recipe.name] = error.message
    return files, refused
