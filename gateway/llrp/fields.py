"""The fields in front of a parameter's children: their kinds, and how a row of them is laid out.

A layout is written as text, one word per field, in the order of the wire:

    "GPIPortNum:u16 GPIEvent:u1 r7 Timeout:u32"      `r7` is seven reserved bits
    "EventType:u8=ROSpecEventType ROSpecID:u32"      after `=` the enumeration that names values

| kind | on the wire | in Python |
|---|---|---|
| `u1` `u2` … `u64`, `s8` `s16` `s32` | big-endian; bits are packed from the top | `int` |
| `u96` | 12 bytes | `bytes` |
| `u8v` | count of bytes (u16), bytes | `bytes` |
| `u16v` `u32v` | count of elements (u16), elements | `list[int]` |
| `u1v` | count of bits (u16), the bits filled up to whole bytes | `Bits` |
| `utf8v` | count of bytes (u16), UTF-8 | `str` |
| `bytesToEnd` | the rest of the parameter | `bytes` |

Nothing is lost in decoding: reserved bits that are not zero come back as the field `Reserved`, the
bits that fill up a `u1v` stay in its bytes, and bytes that are not UTF-8 become lone surrogates.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from gateway.llrp.errors import DecodeError, EncodeError, spell_bytes

#: The field that holds reserved bits of a parameter or message, only when they are not zero.
RESERVED = "Reserved"

_STRUCT_CODES = {
    "u8": "B",
    "u16": "H",
    "u32": "I",
    "u64": "Q",
    "s8": "b",
    "s16": "h",
    "s32": "i",
    "u96": "12s",
}
#: A group of bit fields closes at a byte boundary and is read as one unsigned number.
_WORD_CODES = {8: "B", 16: "H", 32: "I"}
_BIT_KINDS = {"u1": 1, "u2": 2}
_VECTOR_CODES = {"u16v": "H", "u32v": "I"}
_U96_BYTES = 12
_COUNT = struct.Struct(">H")
MAX_COUNT = 0xFFFF


class Bits(NamedTuple):
    """A run of bits whose length need not be whole bytes, such as an EPC of 0–496 bits."""

    length: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Field:
    """One word of a layout; a reserved run has the name `Reserved` and the kind `r<bits>`."""

    name: str
    kind: str
    enumeration: str | None = None

    @property
    def bit_count(self) -> int:
        """The size of a field that is packed into a word with its neighbours, else 0."""
        if self.name == RESERVED:
            return int(self.kind[1:])
        return _BIT_KINDS.get(self.kind, 0)


class _Step(Protocol):
    """A stretch of the layout that is read and written in one go."""

    def read(self, frame: bytes, at: int, end: int, values: dict[str, Any]) -> int: ...

    def write(self, values: Mapping[str, Any], out: bytearray) -> None: ...


class Layout:
    """A row of fields, compiled once from its text; reads and writes their bytes."""

    __slots__ = ("_names", "_steps", "fields", "single")

    def __init__(self, text: str = "") -> None:
        self.fields = tuple(_parse(word) for word in text.split())
        self._steps = _compile(self.fields)
        self._names = frozenset(field.name for field in self.fields)
        #: A layout of nothing but one field of fixed size, which may be read in a quicker way.
        first = self._steps[0] if len(self.fields) == 1 else None
        self.single = first if isinstance(first, _Numbers) else None

    def read(self, frame: bytes, at: int, end: int) -> tuple[dict[str, Any], int]:
        """The values of the fields from `at`, and where they end; DecodeError beyond `end`."""
        single = self.single
        if single is not None and at + single.size <= end:
            return {single.name: single.unpack_from(frame, at)[0]}, at + single.size
        values: dict[str, Any] = {}
        for step in self._steps:
            at = step.read(frame, at, end, values)
        return values, at

    def write(self, values: Mapping[str, Any], out: bytearray) -> None:
        """Append the fields; an absent one is zero or empty, an unknown one an EncodeError."""
        if not values.keys() <= self._names:
            unknown = min(values.keys() - self._names)
            known = ", ".join(field.name for field in self.fields if field.name != RESERVED)
            raise EncodeError(f"there is no such field; there is {known or 'none'}", path=unknown)
        for step in self._steps:
            step.write(values, out)


class _Numbers:
    """Neighbouring fields of fixed size, read and written as one struct."""

    __slots__ = ("_empty", "_fields", "_struct", "name", "names", "size", "unpack_from")

    def __init__(self, fields: list[Field]) -> None:
        self._struct = struct.Struct(">" + "".join(_STRUCT_CODES[f.kind] for f in fields))
        self._fields = tuple(fields)
        self._empty = tuple(bytes(_U96_BYTES) if f.kind == "u96" else 0 for f in fields)
        self.names = tuple(f.name for f in fields)
        self.name = self.names[0]
        self.size = self._struct.size
        self.unpack_from = self._struct.unpack_from

    def read(self, frame: bytes, at: int, end: int, values: dict[str, Any]) -> int:
        if at + self.size > end:
            # A parameter's only field needs no name beside that of the parameter.
            name = self.name if len(self.names) > 1 else ""
            raise _short(name, self.size, at, end)
        # As many names as values, by construction; `strict` would cost as much as the rest.
        values.update(zip(self.names, self.unpack_from(frame, at)))  # noqa: B905
        return at + self.size

    def write(self, values: Mapping[str, Any], out: bytearray) -> None:
        row = [values.get(n, e) for n, e in zip(self.names, self._empty, strict=True)]
        try:
            packed = self._struct.pack(*row)
        except struct.error:
            raise self._fault(row) from None
        if self._fields[0].kind == "u96" and len(row[0]) != _U96_BYTES:
            raise self._fault(row)  # struct would cut it or fill it up
        out += packed

    def _fault(self, row: list[Any]) -> EncodeError:
        """The first value of a row that does not fit its field."""
        for field, value in zip(self._fields, row, strict=True):
            if field.kind == "u96":
                return _expected(field.name, f"{_U96_BYTES} bytes", value)
            try:
                struct.pack(">" + _STRUCT_CODES[field.kind], value)
            except struct.error:
                return _expected(field.name, _range(field.kind), value)
        raise AssertionError("a row is refused for one of its values")  # pragma: no cover


class _Word:
    """Neighbouring bit fields that fill whole bytes, read as one unsigned number."""

    __slots__ = ("_parts", "_struct")

    def __init__(self, fields: list[Field]) -> None:
        left = sum(field.bit_count for field in fields)
        self._struct = struct.Struct(">" + _WORD_CODES[left])
        parts = []
        for field in fields:
            left -= field.bit_count
            parts.append((field.name, left, (1 << field.bit_count) - 1))
        self._parts = tuple(parts)

    def read(self, frame: bytes, at: int, end: int, values: dict[str, Any]) -> int:
        if at + self._struct.size > end:
            raise _short(self._parts[0][0], self._struct.size, at, end)
        word = self._struct.unpack_from(frame, at)[0]
        for name, shift, mask in self._parts:
            value = word >> shift & mask
            if value or name != RESERVED:
                values[name] = value
        return at + self._struct.size

    def write(self, values: Mapping[str, Any], out: bytearray) -> None:
        word = 0
        for name, shift, mask in self._parts:
            value = values.get(name, 0)
            if not isinstance(value, int) or not 0 <= value <= mask:
                raise _expected(name, f"a whole number from 0 to {mask}", value)
            word |= value << shift
        out += self._struct.pack(word)


class _Counted:
    """A vector: how many elements (u16), then the elements."""

    __slots__ = ("_empty", "_expects", "_give", "_name", "_size", "_take")

    def __init__(self, field: Field) -> None:
        self._name = field.name
        self._size, self._take, self._give, self._expects, self._empty = _VECTORS[field.kind]

    def read(self, frame: bytes, at: int, end: int, values: dict[str, Any]) -> int:
        if at + 2 > end:
            raise _short(self._name, 2, at, end)
        count = _COUNT.unpack_from(frame, at)[0]
        stop = at + 2 + self._size(count)
        if stop > end:
            needed = spell_bytes(stop - at - 2)
            reason = f"{count} elements need {needed}, {end - at - 2} remain"
            raise DecodeError(reason, path=self._name, offset=at)
        values[self._name] = self._take(frame[at + 2 : stop], count)
        return stop

    def write(self, values: Mapping[str, Any], out: bytearray) -> None:
        value = values.get(self._name, self._empty)
        try:
            count, data = self._give(value)
        except (TypeError, ValueError, struct.error):
            raise _expected(self._name, self._expects, value) from None
        if count > MAX_COUNT:
            raise EncodeError(f"has {count} elements, more than 65535", path=self._name)
        out += _COUNT.pack(count)
        out += data


class _Rest:
    """All bytes to the end of the parameter."""

    __slots__ = ("_name",)

    def __init__(self, field: Field) -> None:
        self._name = field.name

    def read(self, frame: bytes, at: int, end: int, values: dict[str, Any]) -> int:
        values[self._name] = frame[at:end]
        return end

    def write(self, values: Mapping[str, Any], out: bytearray) -> None:
        value = values.get(self._name, b"")
        if not _is_bytes(value):
            raise _expected(self._name, "bytes", value)
        out += value


def _parse(word: str) -> Field:
    if ":" not in word:
        return Field(RESERVED, word)
    name, _, rest = word.partition(":")
    kind, _, enumeration = rest.partition("=")
    return Field(name, kind, enumeration or None)


def _compile(fields: tuple[Field, ...]) -> tuple[_Step, ...]:
    steps: list[_Step] = []
    numbers: list[Field] = []
    bits: list[Field] = []
    for field in fields:
        if field.kind in _STRUCT_CODES:
            numbers.append(field)
            continue
        if numbers:
            steps.append(_Numbers(numbers))
            numbers = []
        if not field.bit_count:
            steps.append(_Rest(field) if field.kind == "bytesToEnd" else _Counted(field))
            continue
        bits.append(field)
        if sum(part.bit_count for part in bits) in _WORD_CODES:
            steps.append(_Word(bits))
            bits = []
    if numbers:
        steps.append(_Numbers(numbers))
    assert not bits, "bit fields fill whole bytes"
    return tuple(steps)


def _numbers_of(code: str) -> Callable[[bytes, int], list[int]]:
    return lambda data, count: list(struct.unpack(f">{count}{code}", data))


def _bytes_of(code: str) -> Callable[[Any], tuple[int, bytes]]:
    return lambda value: (len(value), struct.pack(f">{len(value)}{code}", *value))


def _bits(value: Any) -> tuple[int, bytes]:
    """Whole bytes may be given as bytes; `Bits` says how many bits of them count."""
    length, data = value if isinstance(value, tuple) else (len(value) * 8, value)
    if not _is_bytes(data) or len(data) != _whole_bytes(length):
        raise ValueError(value)
    return length, data


def _text(value: Any) -> tuple[int, bytes]:
    data = str.encode(value, "utf-8", "surrogateescape")
    return len(data), data


def _octets(value: Any) -> tuple[int, bytes]:
    if isinstance(value, int):  # bytes(5) would be five zeros
        raise TypeError(value)
    data = bytes(value)
    return len(data), data


def _whole_bytes(bit_count: int) -> int:
    return (bit_count + 7) // 8


class _Vector(NamedTuple):
    """How one kind of vector is measured, read and written."""

    size: Callable[[int], int]
    take: Callable[[bytes, int], Any]
    give: Callable[[Any], tuple[int, bytes]]
    expects: str
    empty: Any


_VECTORS = {
    "u8v": _Vector(lambda n: n, lambda data, _: data, _octets, "bytes", b""),
    "u16v": _Vector(
        lambda n: 2 * n, _numbers_of("H"), _bytes_of("H"), "a list of numbers from 0 to 65535", ()
    ),
    "u32v": _Vector(
        lambda n: 4 * n,
        _numbers_of("I"),
        _bytes_of("I"),
        "a list of numbers from 0 to 4294967295",
        (),
    ),
    "u1v": _Vector(
        _whole_bytes,
        lambda data, count: Bits(count, data),
        _bits,
        "bytes, or Bits with as many bytes as its length needs",
        b"",
    ),
    "utf8v": _Vector(
        lambda n: n,
        lambda data, _: data.decode("utf-8", "surrogateescape"),
        _text,
        "text",
        "",
    ),
}


def _is_bytes(value: Any) -> bool:
    return isinstance(value, bytes | bytearray | memoryview)


def _range(kind: str) -> str:
    bits = int(kind[1:])
    if kind[0] == "s":
        return f"a whole number from {-(1 << bits - 1)} to {(1 << bits - 1) - 1}"
    return f"a whole number from 0 to {(1 << bits) - 1}"


def _short(name: str, needed: int, at: int, end: int) -> DecodeError:
    return DecodeError(f"needs {spell_bytes(needed)}, {end - at} remain", path=name, offset=at)


def _expected(name: str, expected: str, value: Any) -> EncodeError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return EncodeError(f"expected {expected}, not {shown}", path=name)
