"""Who it is that does something by hand."""

import getpass

from nightshift.stores import Stores


def person_of(stores: Stores) -> str:
    """The run that does it, or the user of this machine."""
    run = stores.origin.get("airflow_run")
    if run:
        return run
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run as a number that has no name.
        return stores.origin.get("by", "somebody")
