"""One row per message and parameter of LLRP: the vocabulary in which the tables are written.

A row says number, name, fields (see `fields`) and which children may follow. Children are written
as words in the order of the standard: `Name` exactly one, `Name?` at most one, `Name*` any number,
`Name+` at least one; a name in `CHOICES` stands for any one of its parameters.

The tables drive decoding, encoding and printing. Cardinality is documentation, and drives the
generation of test messages; it is not enforced on the wire, because readers in the field deviate.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gateway.llrp.fields import Layout

VERSION_1_0_1 = 1
VERSION_1_1 = 2

#: Custom messages and parameters share this number; vendor and subtype follow.
CUSTOM_NUMBER = 1023


@dataclass(frozen=True, slots=True)
class Child:
    """One word of a row's children: a parameter or a choice, and how often it may come."""

    name: str
    at_least: int
    at_most: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one message or parameter.

    `prefix` are the bytes between the header and the fields: vendor and subtype of a custom one.
    """

    name: str
    number: int
    layout: Layout
    children: tuple[Child, ...] = ()
    since: int = VERSION_1_0_1
    is_tv: bool = False
    prefix: bytes = b""


def message(
    number: int, name: str, fields: str = "", *, children: str = "", since: int = VERSION_1_0_1
) -> Row:
    """A message, by its number."""
    return Row(name, number, Layout(fields), _children(children), since)


def tv(number: int, name: str, fields: str, *, since: int = VERSION_1_0_1) -> Row:
    """A parameter without a length on the wire: fields of a fixed size, no children."""
    return Row(name, number, Layout(fields), since=since, is_tv=True)


def tlv(
    number: int, name: str, fields: str = "", *, children: str = "", since: int = VERSION_1_0_1
) -> Row:
    """A parameter with a length on the wire."""
    return Row(name, number, Layout(fields), _children(children), since)


def custom_message(
    vendor: int, subtype: int, name: str, fields: str = "", *, children: str = ""
) -> Row:
    """A vendor's message."""
    prefix = struct.pack(">IB", vendor, subtype)
    return Row(name, CUSTOM_NUMBER, Layout(fields), _children(children), prefix=prefix)


def custom_parameter(
    vendor: int, subtype: int, name: str, fields: str = "", *, children: str = ""
) -> Row:
    """A vendor's parameter."""
    prefix = struct.pack(">II", vendor, subtype)
    return Row(name, CUSTOM_NUMBER, Layout(fields), _children(children), prefix=prefix)


_CARDINALITIES: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}


def _children(text: str) -> tuple[Child, ...]:
    found = []
    for word in text.split():
        at_least, at_most = _CARDINALITIES.get(word[-1], (1, 1))
        found.append(Child(word.rstrip("?*+"), at_least, at_most))
    return tuple(found)
