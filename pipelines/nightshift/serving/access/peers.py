"""Whose address a request has: the peer's, or what a proxy that is trusted says of who is behind it."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from nightshift.serving.access.rules import IpNetwork

NEIGHBOURS = 64
"""Bits of an IPv6 address that a provider gives a customer: the rest is theirs to change."""
UNKNOWN = "unknown"


class Peers:
    """Reads ``X-Forwarded-For`` of peers in the trusted networks, from its end: its beginning is anybody's."""

    def __init__(self, trusted: tuple[IpNetwork, ...]) -> None:
        self._trusted = trusted

    def name(self, peer: str, forwarded: bytes) -> str:
        """What a caller without a token is counted by."""
        nearest = _address(peer)
        if nearest is None:
            return peer or UNKNOWN
        for hop in reversed(forwarded.split(b",") if forwarded else []):
            if not self._is_trusted(nearest):
                break
            behind = _address(hop.decode("latin-1").strip())
            if behind is None:
                break
            nearest = behind
        return _counted_by(nearest)

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted_by(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((address.packed, NEIGHBOURS), strict=False))
