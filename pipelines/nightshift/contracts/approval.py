"""A person's answer to the question whether a candidate may become the champion."""

from pydantic.dataclasses import dataclass


@dataclass(frozen=True)
class Approval:
    """Yes or no to the verdict of this ``digest``.

    ``by`` is empty where nobody answered in time, which is a no; ``at`` where a command line said it.
    """

    digest: str
    approved: bool
    by: str = ""
    at: str = ""
