"""The first trees of an ensemble, and two numbers that make up for the rest on average."""

from itertools import islice

import numpy as np

from nightshift.errors import VariantRefused
from nightshift.modelling.holdout import LabelledRows
from nightshift.modelling.inputs import model_inputs
from nightshift.optimization.variants.preprocessing import Prepared
from nightshift.optimization.variants.trees import Ensemble, ensemble, to_onnx


def truncated(prepared: Prepared, train: LabelledRows, share: float) -> bytes:
    """The first ``share`` of the trees, in the layout of ``trees``. Raises ``VariantRefused``.

    Later trees mostly push scores further out; a line fitted by least squares to the whole ensemble's log
    odds over the first trees', on the training rows, gives them that push.
    """
    if prepared.spec.label.type != "binary":
        raise VariantRefused(f"fewer trees are made for binary labels, not for {prepared.spec.label.type} ones")
    whole = ensemble(prepared)
    count = max(1, round(len(whole.trees) * share))
    prepare, classifier = prepared.pipeline[:-1], prepared.pipeline[-1]
    matrix = prepare.transform(model_inputs(prepared.spec, train.table))
    few = next(islice(classifier.staged_decision_function(matrix), count - 1, None)).ravel()
    slope, shift = np.polyfit(few, classifier.decision_function(matrix).ravel(), 1)
    cut = Ensemble(whole.trees[:count], (float(slope * whole.base[0] + shift),), float(slope))
    return to_onnx(prepared, cut, mirrored=True)
