"""Several estimators behind one preprocessing, each of which learns one part of a label."""

from typing import Any, Self

import numpy as np

from nightshift.modelling.arrays import Array, Floats


class Several:
    """Estimators of scikit-learn's kind, side by side; their scores are columns."""

    def __init__(self, estimators: list[Any]) -> None:
        self.estimators = estimators

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Of the first: they differ by what they learn."""
        parameters: dict[str, Any] = self.estimators[0].get_params(deep)
        return parameters

    def __sklearn_tags__(self) -> Any:
        return self.estimators[0].__sklearn_tags__()

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, *_: Any) -> Self:
        """Each is fitted by itself; scikit-learn's tools ask for this method."""
        return self

    def predict_proba(self, matrix: Array) -> Floats:
        """P(yes) by each, (n, k)."""
        columns = []
        for one in self.estimators:
            of_both = one.predict_proba(matrix)
            columns.append(of_both[:, 1])
        return np.column_stack(columns)

    def predict(self, matrix: Array) -> Floats:
        """A number by each, (n, k)."""
        columns = [one.predict(matrix) for one in self.estimators]
        return np.column_stack(columns)
