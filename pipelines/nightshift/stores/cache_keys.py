"""The part of the lake's map where caches lie, of which none is the truth; ``layout`` hands these on."""

from nightshift.datasets import Dataset


def maintained(model: str, dataset: Dataset) -> str:
    """Which nights of a dataset maintenance saw right, and by which objects."""
    return f"cache/maintain/{model}/{dataset}.json"


def night_facts(model: str, year: str) -> str:
    """What the page of nights shows of a year's, and by which objects."""
    return f"cache/nights/{model}/{year}.json"


def ledger_facts(model: str) -> str:
    """What the page of a model shows of its ledgers, and by which objects."""
    return f"cache/ledger/{model}/facts.json"


def summaries() -> str:
    """The prefix of what the index of pages shows of each model."""
    return "cache/pages/"


def summary(model: str) -> str:
    """What the index of pages shows of a model."""
    return f"{summaries()}{model}/row.json"


def page_index() -> str:
    """The same of all models in one object, by the ETag of each."""
    return "cache/index.json"
