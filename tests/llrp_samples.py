"""Messages to test the LLRP codec with, made from its own tables.

`filled` gives one message of each kind with everything in it that the table allows; `messages` is a
hypothesis strategy over all of them, with unknown and vendor parameters mixed in.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from gateway.llrp.codec import HEADER_RESERVED, Message, Parameter
from gateway.llrp.fields import RESERVED, Bits, Field
from gateway.llrp.registry import (
    CHOICES,
    CUSTOM_PARAMETERS,
    ENUMERATIONS,
    MESSAGES_BY_NAME,
    OPAQUE,
    PARAMETERS_BY_NAME,
    TLV_BY_NUMBER,
    TV_BY_NUMBER,
    UNKNOWN,
)
from gateway.llrp.tables import Row

#: ParameterError holds a ParameterError; deeper ones are made where depth is the subject.
MAX_SAMPLE_DEPTH = 9

_SAMPLE_VALUES: dict[str, Any] = {
    "u1": 1,
    "u2": 2,
    "u8": 0x11,
    "u16": 0x1122,
    "u32": 0x11223344,
    "u64": 0x0011223344556677,
    "s8": -55,
    "s16": -5500,
    "s32": -550000,
    "u96": bytes.fromhex("300833B2DDD9014000000001"),
    "u8v": b"\x01\x02\x03",
    "u16v": [1, 2, 0xFFFF],
    "u32v": [865_700, 866_300],
    "u1v": Bits(12, b"\xab\xc0"),
    "utf8v": "Antenne 3 gestört",
    "bytesToEnd": b"\xde\xad\xbe\xef",
}


def filled(row: Row) -> Message:
    """The message of a row with every field set and every child that may be there, once."""
    return Message(row.name, 7, row.since, _filled_fields(row), _filled_children(row, 1))


def filled_parameter(row: Row, depth: int = 1) -> Parameter:
    """The parameter of a row with every field set and every child that may be there, once."""
    return Parameter(row.name, _filled_fields(row), _filled_children(row, depth + 1))


def _filled_fields(row: Row) -> dict[str, Any]:
    fields = {f.name: _filled_value(f) for f in row.layout.fields if f.name != RESERVED}
    if "BlockMaskWordCount" in fields:
        fields["BlockMaskWordCount"] = len(fields["BlockMask"]) // 2
    if row.name == "Custom":
        fields["VendorIdentifier"] = 0xFFFE
    return fields


def _filled_value(field: Field) -> Any:
    if field.enumeration and field.kind.startswith("u") and not field.kind.endswith("v"):
        return max(ENUMERATIONS[field.enumeration])
    return _SAMPLE_VALUES[field.kind]


def _filled_children(row: Row, depth: int) -> list[Parameter]:
    if depth > MAX_SAMPLE_DEPTH:
        return []
    found = []
    for child in row.children:
        for name in CHOICES.get(child.name, (child.name,)):
            if name != row.name:
                found.append(filled_parameter(PARAMETERS_BY_NAME[name], depth))
            if child.at_most == 1:
                break
    return found


def _values(field: Field) -> st.SearchStrategy[Any]:
    kind = field.kind
    if kind in ("u1", "u2", "u8", "u16", "u32", "u64"):
        return st.integers(0, (1 << int(kind[1:])) - 1)
    if kind in ("s8", "s16", "s32"):
        half = 1 << int(kind[1:]) - 1
        return st.integers(-half, half - 1)
    if kind == "u1v":
        return st.integers(0, 100).flatmap(_bits)
    return {
        "u96": st.binary(min_size=12, max_size=12),
        "u8v": st.binary(max_size=20),
        "bytesToEnd": st.binary(max_size=20),
        "u16v": st.lists(st.integers(0, 0xFFFF), max_size=5),
        "u32v": st.lists(st.integers(0, 0xFFFF_FFFF), max_size=5),
        "utf8v": st.binary(max_size=20).map(lambda b: b.decode("utf-8", "surrogateescape")),
    }[kind]


def _bits(length: int) -> st.SearchStrategy[Bits]:
    size = (length + 7) // 8
    return st.binary(min_size=size, max_size=size).map(lambda data: Bits(length, data))


@st.composite
def _fields(draw: st.DrawFn, row: Row) -> dict[str, Any]:
    fields = {}
    for field in row.layout.fields:
        if field.name != RESERVED:
            fields[field.name] = draw(_values(field))
        elif draw(st.integers(0, 9)) == 9:
            fields[RESERVED] = draw(st.integers(1, (1 << field.bit_count) - 1))
    return fields


_VENDORS = {vendor for vendor, _ in CUSTOM_PARAMETERS}

#: What stands among the children of any container without being in a table.
_strangers = st.one_of(
    st.builds(
        lambda number, data: Parameter(UNKNOWN, {"Type": number, "Data": data}),
        st.integers(0, 1022).filter(lambda number: number not in TLV_BY_NUMBER),
        st.binary(max_size=20),
    ),
    st.builds(
        lambda vendor, subtype, data: Parameter(
            "Custom", {"VendorIdentifier": vendor, "ParameterSubtype": subtype, "Data": data}
        ),
        st.integers(0, 0xFFFF_FFFF).filter(lambda vendor: vendor not in _VENDORS),
        st.integers(0, 0xFFFF_FFFF),
        st.binary(max_size=20),
    ),
)
_opaque = st.builds(
    lambda number, data: Parameter(OPAQUE, {"Data": bytes([0x80 | number]) + data}),
    st.integers(0, 0x7F).filter(lambda number: number not in TV_BY_NUMBER),
    st.binary(max_size=20),
)


@st.composite
def _children(draw: st.DrawFn, row: Row, version: int, depth: int) -> list[Parameter]:
    found: list[Parameter] = []
    for child in row.children:
        names = [
            name
            for name in CHOICES.get(child.name, (child.name,))
            if PARAMETERS_BY_NAME[name].since <= version and name != "Custom"
        ]
        if not names or depth > MAX_SAMPLE_DEPTH:
            continue
        least = child.at_least if depth < MAX_SAMPLE_DEPTH else 0
        chosen = st.lists(
            st.sampled_from(names), min_size=least, max_size=1 if child.at_most == 1 else 2
        )
        found += [draw(_parameters(name, version, depth)) for name in draw(chosen)]
    if row.children and draw(st.integers(0, 4)) == 4:
        found.insert(draw(st.integers(0, len(found))), draw(_strangers))
    if row.children and draw(st.integers(0, 9)) == 9:
        found.append(draw(_opaque))
    return found


@st.composite
def _parameters(draw: st.DrawFn, name: str, version: int, depth: int) -> Parameter:
    row = PARAMETERS_BY_NAME[name]
    fields = draw(_fields(row))
    if not row.is_tv and draw(st.integers(0, 19)) == 19:
        fields[HEADER_RESERVED] = draw(st.integers(1, 31))
    children = [] if row.is_tv else draw(_children(row, version, depth + 1))
    return Parameter(name, fields, children)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """Any message that can stand on the wire, of version 1.0.1 or 1.1, as decoding gives it."""
    version = draw(st.sampled_from([1, 2]))
    names = [name for name, row in MESSAGES_BY_NAME.items() if row.since <= version]
    name = draw(st.sampled_from([*names, UNKNOWN]))
    number = draw(st.integers(0, 0xFFFF_FFFF))
    if name == UNKNOWN:
        known = {row.number for row in MESSAGES_BY_NAME.values()}
        kind = draw(st.integers(0, 1022).filter(lambda n: n not in known))
        fields: dict[str, Any] = {"Type": kind, "Data": draw(st.binary(max_size=40))}
        return Message(name, number, version, fields)
    row = MESSAGES_BY_NAME[name]
    fields = draw(_fields(row))
    if row.name == "CUSTOM_MESSAGE":
        fields["VendorIdentifier"] = draw(st.integers(0, 1000))
    if draw(st.integers(0, 19)) == 19:
        fields[HEADER_RESERVED] = draw(st.integers(1, 7))
    return Message(name, number, version, fields, draw(_children(row, version, 1)))
