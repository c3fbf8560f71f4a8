"""What the tests of exports share: small versions of every kind, and what is written of them."""

from tests.exports import made, written

__all__ = ["made", "written"]
