"""The first trees of an ensemble, and two numbers that make up for the rest on average."""

from dataclasses import replace

import numpy as np

from nightshift.errors import VariantRefused
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.modelling.label_types import label_type
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.optimization.variants.trees import forest_of, to_onnx


def truncated(prepared: Prepared, train: LabelledRows, share: float) -> bytes:
    """The first ``share`` of the trees, in the layout of ``trees``. Raises ``VariantRefused``.

    Later trees mostly push scores further out; a line fitted by least squares to the whole ensemble's log
    odds over the first trees', on the training rows, gives them that push.
    """
    spec = prepared.spec
    if not label_type(spec).can_be_distilled:
        raise VariantRefused(f"fewer trees are made for binary labels, not for {spec.label.type} ones")
    whole = forest_of(prepared)
    count = max(1, round(len(whole.trees) * share))
    prepare = prepared.pipeline[:-1]
    matrix = prepare.transform(model_inputs(spec, train.table))
    of_few = whole.raw(matrix, count)
    of_all = whole.raw(matrix, len(whole.trees))
    slope, shift = np.polyfit(of_few.ravel(), of_all.ravel(), 1)
    base = slope * whole.base[0] + shift
    cut = replace(
        whole,
        trees=whole.trees[:count],
        base=(float(base),),
        slope=float(slope * whole.slope),
    )
    return to_onnx(prepared, cut, mirrored=True)
