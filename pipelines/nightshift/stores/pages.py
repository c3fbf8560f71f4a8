"""Pages of HTML in the lake, which hold texts of the data."""

from nightshift.stores.objects import Objects

HTML = "text/html; charset=utf-8"


def put_page(objects: Objects, key: str, page: str) -> None:
    """Write a page. A browser that asks the store itself keeps it as a file, and does not show it."""
    body = page.encode()
    objects.put(key, body, HTML, ContentDisposition="attachment")
