"""Where a sink may connect to: public addresses, listed private ones, and some never."""

from __future__ import annotations

import pytest

from gateway.errors import Hold, SinkError
from gateway.sinks.addresses import Allowed, parse_allowed

NOTHING = Allowed()
EVERYTHING = parse_allowed(["0.0.0.0/0", "::/0", "wms.example"])
PRIVATE = parse_allowed(["10.0.0.0/8", "127.0.0.0/8", "::1", "fd00::/8", "100.64.0.0/10"])


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"],
)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert NOTHING.refusal("wms.example", address) is None


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "127.0.0.1", "127.255.255.254", "::1", "fd12::1", "100.64.0.1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
        "64:ff9b:1::a00:1", "2002:a00:1::", "2002:7f00:1::",
    ],
)  # fmt: skip
def test_private_addresses_and_loopback_only_when_listed(address: str) -> None:
    with pytest.raises(Hold, match=r"wms\.example is not connected to: .* list it in 'allow'"):
        NOTHING.check("wms.example", address)
    PRIVATE.check("wms.example", address)


@pytest.mark.parametrize("address", ["172.16.0.1", "192.168.1.1", "198.18.0.1", "fec0::1"])
def test_other_private_ranges_than_those_listed_are_not_reached(address: str) -> None:
    assert "private" in (PRIVATE.refusal("wms.example", address) or "")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "::", "169.254.169.254", "169.254.1.1", "fe80::1", "fe80::1%eth0",
        "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::", "::ffff:0.0.0.0",
        "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "224.0.0.1", "239.255.255.250",
        "ff02::1", "255.255.255.255", "240.0.0.1", "192.0.0.1", "2001::1",
    ],
)  # fmt: skip
def test_some_addresses_are_never_reached_whatever_is_listed(address: str) -> None:
    with pytest.raises(Hold, match="no sink may reach"):
        EVERYTHING.check("wms.example", address)


@pytest.mark.parametrize("address", ["", "localhost", "1", "0x7f000001", "2130706433", "127.1"])
def test_what_is_no_address_is_not_reached(address: str) -> None:
    assert "is no address" in (EVERYTHING.refusal("wms.example", address) or "")


def test_a_listed_host_may_have_private_addresses_but_not_loopback() -> None:
    allowed = parse_allowed(["WMS.example"])
    assert allowed.refusal("wms.example", "192.168.1.1") is None
    assert "private" in (allowed.refusal("other.example", "192.168.1.1") or "")
    assert "loopback" in (allowed.refusal("wms.example", "127.0.0.1") or "")
    assert parse_allowed(["localhost"]).refusal("localhost", "::1") is None


@pytest.mark.parametrize(
    "entry", ["", "10.0.0.0/33", "10.0.0", "1.2.3.4.5", "http://x", "::g", "10"]
)
def test_what_is_wrong_in_allow_is_told(entry: str) -> None:
    with pytest.raises(SinkError, match="allow"):
        parse_allowed([entry])
