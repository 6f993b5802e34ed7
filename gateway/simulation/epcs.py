"""EPCs of the simulated stock: SGTIN-96 for cartons, SSCC-96 for pallets (TDS 1.13)."""

from __future__ import annotations

#: GS1 company prefix of all simulated stock: seven digits, hence partition 5 of TDS.
COMPANY_PREFIX = 614_141

_SGTIN_96 = 0x30
_SSCC_96 = 0x31
# 7 digits of company prefix in 24 bits; then 6 digits of item in 20, or 10 of serial in 34.
_PARTITION = 5
_FILTER_CASE = 2  # full case for transport
_FILTER_LOAD = 6  # unit load


def sgtin_96(*, item: int, serial: int) -> bytes:
    """The EPC of one carton: 12 octets; `item` is indicator and item reference together."""
    _check("item", item, 10**6)
    _check("serial", serial, 2**38)
    bits = _header(_SGTIN_96, _FILTER_CASE)
    return ((bits << 20 | item) << 38 | serial).to_bytes(12, "big")


def sscc_96(*, serial: int) -> bytes:
    """The EPC of one pallet: 12 octets; `serial` begins with the extension digit."""
    _check("serial", serial, 10**10)
    bits = _header(_SSCC_96, _FILTER_LOAD)
    return ((bits << 34 | serial) << 24).to_bytes(12, "big")


def _header(header: int, filter_value: int) -> int:
    """The first 38 bits: header, filter, partition, company prefix."""
    return ((header << 3 | filter_value) << 3 | _PARTITION) << 24 | COMPANY_PREFIX


def _check(name: str, value: int, limit: int) -> None:
    if not 0 <= value < limit:
        raise ValueError(f"{name} {value} does not fit: expected 0 to {limit - 1}")
