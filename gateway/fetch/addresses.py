"""Which network addresses are public, in whatever form they are written."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",  # Azure's wire server: a public number that answers every virtual machine there
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
"""IANA's IPv4 Special-Purpose Address Registry, multicast, and what clouds keep for themselves."""

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "3fff::/20")))
"""What of it IANA's IPv6 Special-Purpose Address Registry takes out again; Teredo lies in the first."""

_WITH_V4_LAST = tuple(map(IPv6Network, ("::ffff:0:0/96", "::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
"""IPv4-mapped (RFC 4291), IPv4-compatible (the same, outdated), IPv4-translated (RFC 2765), NAT64 (RFC 6052)."""


def is_public(address: Address) -> bool:
    """Whether anyone on the Internet can reach it, and it is nobody's private, local or reserved ground.

    An IPv6 address that stands for an IPv4 one is judged by that.
    """
    address = meant(address)
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    return address in _GLOBAL_UNICAST and not any(address in network for network in _NOT_PUBLIC_V6)


def is_allowed(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether it is public or lies in one of these networks."""
    return is_public(address) or any(meant(address) in network for network in allowed)


def meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, compatible, translated, NAT64, 6to4), else itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _WITH_V4_LAST):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
