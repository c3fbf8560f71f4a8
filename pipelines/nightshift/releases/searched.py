"""A recipe that a search chose, beside a model.yaml that never said it."""

from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.searches import SearchRecord, read_search
from nightshift.stores.versions import VersionRecord
from nightshift.training.search.space import AS_IT_STANDS, SearchPoint, space_of


def search_of(record: VersionRecord, stores: Stores) -> SearchRecord | None:
    """The search that chose a version's recipe; None where none did. Raises as ``read_search`` does."""
    if not record.search_sha256:
        return None
    return read_search(record.model, record.search_sha256, stores)


def as_searched(spec: ModelSpec, searched: SearchRecord | None) -> ModelSpec:
    """The spec where a search's winner is what is trained, if it has a search that may come to that; else as it is."""
    if searched is None or spec.search is None:
        return spec
    space = space_of(spec)
    point = _winner(searched)
    if not space.holds(point):
        return spec
    return space.recipe(point)


def sentence(searched: SearchRecord) -> str:
    """What chose a recipe, and why."""
    number = len(searched.trials)
    return f"trial {searched.winner} of {number} of a search, {searched.trainer}: {searched.reason}"


def _winner(searched: SearchRecord) -> SearchPoint:
    for trial in searched.trials:
        if trial.number == searched.winner:
            return SearchPoint(trial.candidate, dict(trial.values))  # type: ignore[arg-type]
    # A search without a trial leaves model.yaml's own recipe.
    return SearchPoint(AS_IT_STANDS, {})
