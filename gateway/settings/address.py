"""Addresses as people write them: `host:port`, `host`, `[2001:db8::7]:5084`."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True)
class Address:
    """A host (name or IP address, without brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str, default_port: int | None, lowest_port: int = 1) -> Address:
    """An address with its port, or with `default_port`; ValueError says what was expected."""
    expected = "expected host:port, such as 10.0.0.21:5084 or [2001:db8::7]:5084"
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or not _is_ipv6(host) or (rest and not rest.startswith(":")):
            raise ValueError(expected)
        return Address(host, _port(rest[1:] if rest else "", default_port, lowest_port))
    if text.count(":") > 1:
        if _is_ipv6(text):
            raise ValueError(f"an IPv6 address stands in brackets: [{text}]:{default_port or 5084}")
        raise ValueError(expected)
    host, _, port = text.partition(":")
    if not _HOST.fullmatch(host) or _is_wrong_ipv4(host):
        raise ValueError(expected)
    return Address(host, _port(port, default_port, lowest_port))


def parse_reader_address(text: str, default_port: int) -> Address:
    """The address of a reader, `llrp://` allowed; TLS is refused in words."""
    scheme = _SCHEME.match(text)
    if scheme and scheme[1].lower() == "llrps":
        raise ValueError(
            "TLS to readers (llrps://) is not there yet: use host:port with the reader's plain "
            "LLRP port, usually 5084"
        )
    if scheme and scheme[1].lower() != "llrp":
        raise ValueError(f"expected host:port, not a {scheme[1]}:// address")
    return parse_address(text[scheme.end() :] if scheme else text, default_port)


def _port(text: str, default_port: int | None, lowest_port: int) -> int:
    if not text and default_port is not None:
        return default_port
    if not re.fullmatch(r"[0-9]{1,5}", text) or not lowest_port <= int(text) <= 65535:
        raise ValueError(f"expected a port from {lowest_port} to 65535 after the host")
    return int(text)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _is_wrong_ipv4(host: str) -> bool:
    """`10.0.0.256` or `10.0.0`: only digits and dots, and yet no address."""
    if not re.fullmatch(r"[0-9.]+", host):
        return False
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return True
    return False
