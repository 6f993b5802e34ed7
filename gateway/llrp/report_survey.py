"""One TagReportData, walked parameter by parameter: where its fields lie, and what they say.

This is the plain reading of a tag report, right for every one of them. `report_layout` reads many
that are laid out alike at once, from one survey.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from gateway.llrp.errors import DecodeError
from gateway.llrp.report_rows import NO_RSSI_CDBM, PHASE_STEPS, PHASES_RAD

TAG_REPORT_DATA = 240
EPC_DATA = 241
CUSTOM = 1023
TLV = struct.Struct(">HH")
TLV_TYPE_MASK = 0x03FF
#: Gen2 carries no longer EPC.
MAX_EPC_BITS = 496

#: Sizes of the values of the TV parameters by type; 0 where none is defined.
TV_SIZES = bytes([0, 2, 8, 8, 8, 8, 1, 2, 2, 4, 2, 2, 2, 12, 2, 2, 4, 2, 4, 2, 2]) + bytes(107)
EPC_96_TV = 13
CLIENT_REQUEST_RESULT_TV = 15
FIRST_UTC, FIRST_UPTIME, LAST_UTC, LAST_UPTIME = 2, 3, 4, 5
#: TV parameters that become columns.
ANTENNA, PEAK_RSSI, CHANNEL, SEEN_COUNT = 1, 6, 7, 8
_WANTED_TVS = frozenset(range(1, 9))
#: Vendor parameters that become columns: (vendor, subtype). Both are 14 bytes with their header.
IMPINJ_PHASE = (25882, 56)
IMPINJ_RSSI = (25882, 57)
_WANTED_CUSTOMS = frozenset({IMPINJ_PHASE, IMPINJ_RSSI})
_CUSTOM_HEAD = struct.Struct(">HHII")
#: Results of access operations: the C1G2 ones of 1.0.1, then those that 1.1 added.
_RESULTS = frozenset({349, 350, 351, 352, 353, 354, 360, 361, 362})

#: Parameter (TV type, or vendor and subtype) → offset of its value.
_Found = dict[int | tuple[int, int], int]

_READ = {form: struct.Struct(form).unpack_from for form in (">b", ">h", ">H", ">q")}


class Survey(NamedTuple):
    """Where things lie in one TagReportData.

    `size` is its length and `proof` the (offset, bytes) spans that decide the layout: whoever has
    them is laid out alike. `fields` are the (name, offset, struct format) of its values, named
    after the columns of `REPORT`, but for power and phase in the reader's units: `rssi_dbm`,
    `phase_steps`. `results`: it carries results of access operations.
    """

    size: int
    proof: tuple[tuple[int, bytes], ...]
    fields: tuple[tuple[str, int, str], ...]
    uptime: bool
    epc: int
    epc_bytes: int
    results: bool


def survey(tag: bytes) -> Survey:
    """Walk one TagReportData, its TLV header included; DecodeError where it is malformed.

    What is unknown is passed over: a TLV by its length, a TV together with everything behind it.
    Of parameters that were sent twice, the first counts. The error's offset counts from `tag`.
    """
    size = len(tag)
    proof = [(0, tag[:4])]
    found: _Found = {}
    epc: tuple[int, int] | None = None
    results = False
    at = 4
    while at < size:
        if tag[at] & 0x80:
            kind = tag[at] & 0x7F
            proof.append((at, tag[at : at + 1]))
            length = 1 + TV_SIZES[kind]
            if length == 1:
                break  # an unknown TV does not say where it ends
            if at + length > size:
                raise _short(f"TV parameter {kind}", at, length, size)
            if kind in _WANTED_TVS:
                found.setdefault(kind, at + 1)
            elif kind == EPC_96_TV:
                epc = epc or (at + 1, 12)
            results = results or kind == CLIENT_REQUEST_RESULT_TV
        else:
            kind, length = tlv_head(tag, at)
            fixed = 4
            if kind == EPC_DATA:
                fixed = 6
                epc = epc or _epc_data(tag, at, length)
            elif kind == CUSTOM:
                fixed = _CUSTOM_HEAD.size
                _custom(tag, at, length, found)
            results = results or kind in _RESULTS
            proof.append((at, tag[at : at + fixed]))
        at += length
    if epc is None:
        raise DecodeError("it holds no EPC, but one is required")
    uptime = _is_uptime(found)
    return Survey(size, tuple(proof), tuple(_fields(found, uptime)), uptime, *epc, results)


def tlv_head(data: bytes, at: int) -> tuple[int, int]:
    """Type and length of the TLV parameter at `data[at:]`, which must lie within `data`."""
    if at + TLV.size > len(data):
        raise _short("a TLV header", at, TLV.size, len(data))
    word: int
    length: int
    word, length = TLV.unpack_from(data, at)
    kind = word & TLV_TYPE_MASK
    if word & 0x8000:
        raise DecodeError("a TV parameter where only TLV parameters can be", offset=at)
    if length < TLV.size:
        raise DecodeError(
            f"TLV parameter {kind} gives its length as {length} bytes, "
            f"but its header alone takes {TLV.size}",
            offset=at,
        )
    if at + length > len(data):
        raise _short(f"TLV parameter {kind}", at, length, len(data))
    return kind, length


def _short(what: str, at: int, length: int, end: int) -> DecodeError:
    return DecodeError(f"{what} takes {length} bytes, but {end - at} are left", offset=at)


def _epc_data(tag: bytes, at: int, length: int) -> tuple[int, int]:
    """Where the EPC of an EPCData is, and its octets: a bit count, then bits padded to octets."""
    if length < 6:
        raise _short("the head of an EPCData", at, 6, at + length)
    bits: int = _READ[">H"](tag, at + 4)[0]
    if bits > MAX_EPC_BITS:
        raise DecodeError(f"an EPC of {bits} bits; at most {MAX_EPC_BITS} can be", offset=at)
    octets = (bits + 7) // 8
    if 6 + octets > length:
        raise _short(f"an EPC of {bits} bits", at + 6, octets, at + length)
    return at + 6, octets


def _custom(tag: bytes, at: int, length: int, found: _Found) -> None:
    """Note a vendor parameter that becomes a column; all others are passed over."""
    if length < _CUSTOM_HEAD.size:
        raise _short("the head of a Custom parameter", at, _CUSTOM_HEAD.size, at + length)
    vendor_subtype = _CUSTOM_HEAD.unpack_from(tag, at)[2:]
    if vendor_subtype in _WANTED_CUSTOMS and length >= 14:
        found.setdefault(vendor_subtype, at + 12)


def _is_uptime(found: _Found) -> bool:
    """UTC stamps are preferred; Uptime ones count only where no UTC one was sent."""
    utc = FIRST_UTC in found or LAST_UTC in found
    return not utc and (FIRST_UPTIME in found or LAST_UPTIME in found)


def _fields(found: _Found, uptime: bool) -> list[tuple[str, int, str]]:
    """Name the values that were found; a lone stamp stands for both, Impinj's power is finer."""
    get = found.get
    first = get(FIRST_UPTIME if uptime else FIRST_UTC)
    last = get(LAST_UPTIME if uptime else LAST_UTC)
    fine = get(IMPINJ_RSSI)
    sought = (
        ("antenna", get(ANTENNA), ">H"),
        ("first_us", last if first is None else first, ">q"),
        ("last_us", first if last is None else last, ">q"),
        ("rssi_cdbm", fine, ">h"),
        ("rssi_dbm", get(PEAK_RSSI) if fine is None else None, ">b"),
        ("channel", get(CHANNEL), ">H"),
        ("count", get(SEEN_COUNT), ">H"),
        ("phase_steps", get(IMPINJ_PHASE), ">H"),
    )
    return [(name, at, form) for name, at, form in sought if at is not None]


def read(tag: bytes, found: Survey) -> tuple[tuple[int | float | bool, ...], bytes]:
    """The row of `REPORT` that a surveyed TagReportData makes (without source), and its EPC."""
    sent: dict[str, int] = {name: _READ[form](tag, at)[0] for name, at, form in found.fields}
    get = sent.get
    rssi_cdbm = sent["rssi_dbm"] * 100 if "rssi_dbm" in sent else get("rssi_cdbm", NO_RSSI_CDBM)
    steps = get("phase_steps")
    phase_rad = math.nan if steps is None else float(PHASES_RAD[steps % PHASE_STEPS])
    row = (
        # A stamp beyond year 294247 does not fit: it is none.
        max(get("first_us", 0), 0),
        max(get("last_us", 0), 0),
        0,
        phase_rad,
        0,
        get("antenna", 0),
        max(get("count", 1), 1),
        get("channel", 0),
        rssi_cdbm,
        found.uptime,
    )
    return row, tag[found.epc : found.epc + found.epc_bytes]
