"""What a trained pipeline's preprocessing learnt: which columns are categories, and their values."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nightshift.optimization.export import seen_categories
from nightshift.scoring.feeds import Matrix
from nightshift.spec import ModelSpec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline


@dataclass(frozen=True)
class Prepared:
    """The columns of a pipeline in the order in which its classifier sees them: categories, then numbers."""

    spec: ModelSpec
    pipeline: "Pipeline"

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """Features that are categories."""
        columns = self.spec.columns
        return tuple(name for name in self.spec.features if not columns[name].numeric)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Features that are numbers."""
        columns = self.spec.columns
        return tuple(name for name in self.spec.features if columns[name].numeric)

    @cached_property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """The values that the trained encoder knows, in order of their codes."""
        return seen_categories(self.spec, self.pipeline)

    def one_matrix(self) -> Matrix:
        """Everything as numbers, as trees want it."""
        return Matrix(
            numbers=(*self.codes, *self.numbers),
            categories=self.categories,
        )

    def two_matrices(self) -> Matrix:
        """Numbers, and categories as whole numbers, as networks want it."""
        return Matrix(
            numbers=self.numbers,
            codes=self.codes,
            categories=self.categories,
        )
