"""Where a webhook may lead: HTTPS, or this machine. An address is a secret, so that no message has one."""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from nightshift.alerts.channels import ChannelFailure

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def checked_address(address: str) -> SplitResult:
    """An address in its parts. Raises ``ChannelFailure`` for one that is none, or that others could read on the way."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        raise ChannelFailure("its address is none") from None
    if not host or parts.scheme not in {"http", "https"}:
        raise ChannelFailure("its address is none: https://host/path")
    if parts.username or parts.password:
        raise ChannelFailure("its address has a login in it, which proxies log: let the path or the key say who sends")
    if parts.scheme == "http" and host not in LOOPBACK:
        raise ChannelFailure("its address is not HTTPS, which only this machine may do without")
    return parts


def require_public_or_own(parts: SplitResult) -> None:
    """Raises ``ChannelFailure`` for a host that is no host of a person's: link-local, where clouds keep their keys.

    Addresses inside of a company are fine: receivers live there. A name that changes its address afterwards meets the
    check of its certificate.
    """
    port = parts.port or 443
    try:
        resolved = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        raise ChannelFailure("its host is not found") from None
    for *_, place in resolved:
        address = str(place[0])
        host = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(host, "ipv4_mapped", None) or host
        if mapped.is_link_local or mapped.is_multicast or mapped.is_unspecified:
            raise ChannelFailure("its host is at an address that no receiver has")
