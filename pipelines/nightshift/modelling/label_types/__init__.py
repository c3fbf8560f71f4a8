"""The kinds of label. Whatever differs between them is here: the steps ask, and branch nowhere themselves."""

from nightshift.modelling.label_types.base import LabelType
from nightshift.modelling.label_types.binary import Binary
from nightshift.modelling.label_types.multiclass import Multiclass
from nightshift.modelling.label_types.multilabel import Multilabel
from nightshift.modelling.label_types.quantile import Quantile
from nightshift.modelling.label_types.regression import Regression
from nightshift.spec import ModelSpec
from nightshift.spec.label import LabelKind

__all__ = ["LABEL_TYPES", "LabelType", "label_type"]

LABEL_TYPES: dict[LabelKind, type[LabelType]] = {
    "binary": Binary,
    "multiclass": Multiclass,
    "regression": Regression,
    "quantile": Quantile,
    "multilabel": Multilabel,
}


def label_type(spec: ModelSpec) -> LabelType:
    """What a spec's label asks for."""
    return LABEL_TYPES[spec.label.type](spec)
