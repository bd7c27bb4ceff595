"""Which addresses a webhook may be sent to. Pure.

A tenant's admin names the URL, and this server makes the request: without a rule, it would reach
what only this server's network may, such as the metadata of a cloud (OWASP, "Server-Side Request
Forgery Prevention"). So only unicast addresses of the public internet are sent to. The networks
that are none are in IANA's registries of special-purpose addresses
(iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry).
"""

from __future__ import annotations

from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_REFUSED_4 = (
    "0.0.0.0/8",  # this network
    "10.0.0.0/8",  # private
    "100.64.0.0/10",  # shared by the customers of a provider; Alibaba's metadata
    "127.0.0.0/8",  # loopback
    "168.63.129.16/32",  # Azure's own services, as its machines see them
    "169.254.0.0/16",  # link-local; the metadata of most clouds
    "172.16.0.0/12",  # private
    "192.0.0.0/24",  # protocol assignments; Oracle's metadata
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # relays of 6to4
    "192.168.0.0/16",  # private
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/3",  # multicast, reserved, broadcast
)
_GLOBAL_6 = "2000::/3"
"""All that IANA has given out as global unicast: loopback, link-local, unique local, multicast and
IPv4-mapped addresses and those of NAT64 (64:ff9b::/96) are outside."""
_REFUSED_6 = (
    "2001::/23",  # protocol assignments, with Teredo
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4, which holds any IPv4 address
    "3fff::/20",  # documentation
)


LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
"""What a local run may call its own machine."""


def is_public(address: str) -> bool:
    """Whether an IP address is unicast on the public internet; False for what is no address."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    refused_4, global_6, refused_6 = _networks()
    if isinstance(found, IPv4Address):
        return not any(found in network for network in refused_4)
    return found in global_6 and not any(found in network for network in refused_6)


def is_refused(host: str, *, local: bool) -> bool:
    """Whether a host is written as an IP address that is not sent to; False for a name.

    `local` says that this machine is sent to.
    """
    try:
        ip_address(host)
    except ValueError:
        return False
    return not (is_public(host) or (local and is_loopback(host)))


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine itself; one that is mapped into IPv6 is not taken."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return found in IPv4Network("127.0.0.0/8") or found == IPv6Address("::1")


@cache
def _networks() -> tuple[tuple[IPv4Network, ...], IPv6Network, tuple[IPv6Network, ...]]:
    return (
        tuple(IPv4Network(text) for text in _REFUSED_4),
        IPv6Network(_GLOBAL_6),
        tuple(IPv6Network(text) for text in _REFUSED_6),
    )
