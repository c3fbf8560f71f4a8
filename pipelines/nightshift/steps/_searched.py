"""What the run of a training shows of the search that chose its recipe."""

from typing import Any

from nightshift.contracts import Searched
from nightshift.modelling.plots.figure import laid_out
from nightshift.modelling.plots.search import search_figures
from nightshift.spec import ModelSpec
from nightshift.stores import Stores
from nightshift.stores.searches import SearchRecord, read_search
from nightshift.training.search.page import search_page


def show_search(mlflow: Any, spec: ModelSpec, searched: Searched | None, stores: Stores) -> None:
    """Which run it was, its page and its figures; nothing where there was none."""
    if searched is None:
        return
    record = read_search(spec.name, searched.sha256, stores)
    mlflow.set_tags({
        "nightshift.search_run": searched.run_id,
        "nightshift.search_sha256": searched.sha256,
        "nightshift.search_trial": f"{searched.trial} of {searched.trials}",
    })
    log_search(mlflow, record)


def log_search(mlflow: Any, record: SearchRecord) -> None:
    """Its page and its figures, on the active run."""
    page = search_page(record)
    mlflow.log_text(page, "search.md")
    figures = search_figures(record)
    for name, figure in figures.items():
        file = f"plots/{name}.png"
        mlflow.log_figure(laid_out(figure), file)
