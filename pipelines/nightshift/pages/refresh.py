"""What pages show, read before somebody asks for a page. Nothing depends on it: a page reads what is missing."""

import logging

from nightshift.errors import NightshiftError
from nightshift.pages.index import keep_row
from nightshift.pages.links import VIEWS
from nightshift.pages.look import look_at
from nightshift.pages.overview import WITHOUT_BOUND
from nightshift.spec import ModelSpec
from nightshift.stores import Stores

log = logging.getLogger("nightshift")


def refresh(spec: ModelSpec, stores: Stores, *, wholly: bool = False) -> None:
    """Make the row of a model in the index anew; ``wholly`` also what the longest view of it shows.

    What cannot be is said in the log.
    """
    longest = max(nights for nights, _ in VIEWS.values())
    try:
        if wholly:
            look_at(spec, stores, most=longest, requests=WITHOUT_BOUND)
        keep_row(spec, stores)
    except NightshiftError as error:
        log.warning("the pages of %s are as they were: %s", spec.name, error.message)
