"""What trees are given: categories as codes in the order of their labels, numbers as they are."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nightshift.modelling.arrays import Array
from nightshift.modelling.label_types import label_type
from nightshift.spec import ModelSpec
from nightshift.training.category_order import order_by_label
from nightshift.training.trainer import PipelineParts

if TYPE_CHECKING:
    import pandas as pd


def coded(estimator: Any) -> PipelineParts:
    """The parts of an estimator that takes nulls."""
    return PipelineParts(
        categories=_codes(),
        numbers="passthrough",
        estimator=estimator,
    )


def coded_and_filled(estimator: Any) -> PipelineParts:
    """The parts of an estimator that takes none: the median stands for a null."""
    from sklearn.impute import SimpleImputer

    return PipelineParts(
        categories=_codes(),
        numbers=SimpleImputer(strategy="median", keep_empty_features=True),
        estimator=estimator,
    )


def in_order_of_labels(spec: ModelSpec, encoder: Any, texts: "pd.DataFrame", targets: Array) -> None:
    """Number the categories by the labels of their rows."""
    are_classes = label_type(spec).estimator_type == "classifier"
    codes = encoder.transform(texts).astype(np.int64)
    for place, categories in enumerate(encoder.categories_):
        order = order_by_label(codes[:, place], targets, are_classes=are_classes)
        encoder.categories_[place] = categories[order]


def _codes() -> Any:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
