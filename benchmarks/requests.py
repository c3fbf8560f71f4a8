"""How many requests reach S3, counted where botocore sends them."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nightshift.stores.lake import Lake

LISTINGS = ("ListObjectsV2", "ListMultipartUploads")


@contextmanager
def counted(lake: Lake) -> Iterator[Counter[str]]:
    """Requests by operation while the block runs; a request that is sent again counts again."""
    requests: Counter[str] = Counter()

    def count(event_name: str, **_: Any) -> None:
        _, _, operation = event_name.rpartition(".")
        requests[operation] += 1

    clients = [lake.objects._client, lake.objects._single_try]
    for client in clients:
        client.meta.events.register("before-send.s3", count)
    try:
        yield requests
    finally:
        for client in clients:
            client.meta.events.unregister("before-send.s3", count)


def beyond_listings(requests: Counter[str]) -> int:
    """All but the pages of listings."""
    return requests.total() - sum(requests[name] for name in LISTINGS)
