"""LLRP report messages written byte by byte, for tests: nothing here uses the code under test."""

from __future__ import annotations

import struct

EPC_A = bytes.fromhex("3034257bf7194e4000001a85")
EPC_B = bytes.fromhex("e280116060000207a1b2c3d4")
IMPINJ = 25882


def tv(kind: int, form: str, value: int) -> bytes:
    """A parameter of one byte type and fixed size."""
    return bytes([0x80 | kind]) + struct.pack(f">{form}", value)


def tlv(kind: int, *content: bytes) -> bytes:
    """A parameter with type, length and content."""
    body = b"".join(content)
    return struct.pack(">HH", kind, 4 + len(body)) + body


def custom(vendor: int, subtype: int, content: bytes) -> bytes:
    """A vendor's parameter."""
    return tlv(1023, struct.pack(">II", vendor, subtype), content)


def impinj_phase(steps: int) -> bytes:
    """Impinj's RF phase angle, in 4096 steps of a turn."""
    return custom(IMPINJ, 56, struct.pack(">H", steps))


def impinj_rssi(cdbm: int) -> bytes:
    """Impinj's peak power in 1/100 dBm."""
    return custom(IMPINJ, 57, struct.pack(">h", cdbm))


def epc_96(epc: bytes = EPC_A) -> bytes:
    """An EPC of 96 bits."""
    assert len(epc) == 12
    return b"\x8d" + epc


def epc_data(epc: bytes, bits: int | None = None) -> bytes:
    """An EPC of any length."""
    return tlv(241, struct.pack(">H", 8 * len(epc) if bits is None else bits), epc)


def antenna(number: int) -> bytes:
    """AntennaID."""
    return tv(1, "H", number)


def tag(*parameters: bytes) -> bytes:
    """TagReportData."""
    return tlv(240, *parameters)


def common_tag(
    epc: bytes = EPC_A, antenna_id: int = 1, seen_us: int = 1_000, *more: bytes
) -> bytes:
    """The TagReportData that most readers send: 51 bytes, in a message of its own 61."""
    return tag(
        epc_96(epc),
        tv(9, "I", 1),
        antenna(antenna_id),
        tv(6, "b", -60),
        tv(7, "H", 3),
        tv(2, "Q", seen_us),
        tv(4, "Q", seen_us + 5),
        tv(8, "H", 2),
        *more,
    )


def message(kind: int, body: bytes = b"", number: int = 1, version: int = 1) -> bytes:
    """Any message."""
    return struct.pack(">HII", version << 10 | kind, 10 + len(body), number) + body


def report(*parameters: bytes, number: int = 1, version: int = 1) -> bytes:
    """RO_ACCESS_REPORT."""
    return message(61, b"".join(parameters), number, version)


def keepalive(number: int = 1) -> bytes:
    """KEEPALIVE."""
    return message(62, number=number)
