"""Say yes to a verdict that waits for a person, from a command line."""

from nightshift.contracts import Approval, Promotion
from nightshift.spec import ModelSpec
from nightshift.steps._person import person_of
from nightshift.steps.promote import promote
from nightshift.stores import Stores
from nightshift.stores.asked import asked_verdict


def approve(spec: ModelSpec, digest: str, stores: Stores) -> Promotion:
    """Make the candidate of a verdict the champion, as its person; ``digest`` is the verdict's, or its beginning.

    Raises ``UsageError`` when nobody was asked about such a verdict, ``NotApproved`` when it is another since,
    ``Superseded`` when the champion is.
    """
    asked = asked_verdict(spec.name, digest, stores)
    approval = Approval(
        digest=asked.digest,
        approved=True,
        by=person_of(stores),
    )
    return promote(
        spec,
        asked.verdict,
        stores,
        approval,
    )
