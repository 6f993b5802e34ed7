"""Which addresses a sink may connect to: an address in the settings must not reach just anything.

Public addresses may be reached. Private ones (and loopback) only when they are listed in `allow`,
as a network (`10.0.0.0/8`), an address, or the name of a host whose private addresses are meant.
Link-local, multicast, reserved addresses and those where clouds keep their secrets never.

The check is of the address that is connected to, each time, not of a name: what a name resolves
to may change between two looks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.errors import Hold, SinkError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Where clouds answer with credentials, outside the link-local range.
_METADATA = frozenset(
    map(ipaddress.ip_address, ("168.63.129.16", "100.100.100.200", "fd00:ec2::254"))
)
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")
_PROTOCOLS = ipaddress.ip_network("192.0.0.0/24")
#: IPv6 addresses with an IPv4 address inside: network → how far the address stands from the end.
_EMBEDDING = {
    ipaddress.IPv6Network("::ffff:0:0/96"): 0,  # IPv4-mapped
    ipaddress.IPv6Network("::/96"): 0,  # IPv4-compatible
    ipaddress.IPv6Network("64:ff9b::/96"): 0,  # NAT64
    ipaddress.IPv6Network("64:ff9b:1::/48"): 0,  # NAT64 of a site's own
    ipaddress.IPv6Network("2002::/16"): 80,  # 6to4
}
_TEREDO = ipaddress.IPv6Network("2001::/32")


@dataclass(frozen=True, slots=True)
class Allowed:
    """What `allow` lists, and what may be reached by it."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    def check(self, host: str, address: str) -> None:
        """Raise `Hold` unless `address`, to which `host` resolved, may be connected to."""
        reason = self.refusal(host, address)
        if reason:
            raise Hold(f"{host} is not connected to: {reason}")

    def refusal(self, host: str, address: str) -> str | None:
        """Why an address may not be connected to, as a clause; None when it may."""
        try:
            given = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return f"{address!r} is no address"
        real = _embedded(given)
        shown = f"{given}" if real == given else f"{given} (which is {real})"
        if kind := _never(real):
            return f"{shown} is {kind}, which no sink may reach"
        if (kind := _private(real)) is None or any(real in network for network in self.networks):
            return None
        if host.lower() in self.hosts and not (real.is_loopback and host.lower() != "localhost"):
            return None
        return f"{shown} is {kind}; list it in 'allow' if that is meant"


def parse_allowed(entries: Iterable[str]) -> Allowed:
    """`allow` as it is written: networks, addresses, names of hosts; raises `SinkError`."""
    networks: list[Network] = []
    hosts: set[str] = set()
    for entry in entries:
        try:
            networks.append(ipaddress.ip_network(entry))
            continue
        except ValueError as error:
            wrong = str(error)
        if "/" in entry or ":" in entry or not entry or entry.replace(".", "").isdigit():
            raise SinkError(
                f"allow: {entry!r} is no network such as 10.0.0.0/8, no address and no name of a "
                f"host ({wrong})"
            )
        hosts.add(entry.lower())
    return Allowed(tuple(networks), frozenset(hosts))


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv6Address) and not (
        address.is_unspecified or address.is_loopback
    ):
        for network, shift in _EMBEDDING.items():
            if address in network:
                return ipaddress.IPv4Address(int(address) >> shift & 0xFFFF_FFFF)
    return address


def _never(address: Address) -> str | None:
    """What an address is that is never reached."""
    if address.is_unspecified or address in _THIS_NETWORK:
        return "no address of a host"
    if address.is_link_local or address in _METADATA:
        return "link-local or a cloud's metadata"
    if address.is_multicast:
        return "multicast"
    tunnel = address in _TEREDO or address in _PROTOCOLS
    if (address.is_reserved and not address.is_loopback) or tunnel:
        return "reserved"
    return None


def _private(address: Address) -> str | None:
    """What an address is that has to be listed."""
    if address.is_loopback:
        return "loopback"
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return None if address.is_global and not site_local else "private"
