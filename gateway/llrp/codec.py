"""Messages as bytes, and bytes as messages: driven by the tables, without input or output.

    Message ──encode──▶ one frame, header included ──decode──▶ Message

Whatever a well-framed message holds comes back byte for byte: parameters that no table knows are
kept as bytes (`registry` says under which names), children keep their order, reserved bits that are
not zero stay as the fields `Reserved` and `HeaderReserved`.

Decoding is safe on anything that a network sends: it raises nothing but `FrameError` and
`DecodeError`, looks at lengths and counts before it uses them, and bounds nesting and the number of
parameters. Cutting a stream into frames is `framing`'s work; tag reports by the thousand go a much
faster way, in `reports`.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gateway.llrp import registry
from gateway.llrp.errors import DecodeError, EncodeError, FrameError, spell_bytes
from gateway.llrp.registry import CUSTOM_MESSAGE, CUSTOM_PARAMETER, OPAQUE, UNKNOWN
from gateway.llrp.tables import Row

#: Reserved bits (3), version (3) and type (10) in one word; length, this header included; id.
MESSAGE_HEADER = struct.Struct(">HII")
#: Reserved bits (6) and type (10) in one word; length, this header included.
PARAMETER_HEADER = struct.Struct(">HH")

#: LLRP 1.0.1, 1.1 and 2.0. What 2.0 added to the tables of 1.1 is kept as bytes.
VERSIONS = (1, 2, 3)
#: Messages of the standard nest eight deep; the wire sets no bound, an attacker must not.
MAX_DEPTH = 16
#: About 20,000 tag reports in one message. A decoded parameter takes about 400 bytes of memory.
MAX_PARAMETERS = 200_000

#: The field that holds the reserved bits of a header, only when they are not zero.
HEADER_RESERVED = "HeaderReserved"

_TV_BIT = 0x80
_TYPE_MASK = 0x3FF
_VERSION_SHIFT, _VERSION_MASK = 10, 0x7
_MESSAGE_RESERVED_SHIFT, _MESSAGE_RESERVED_MAX = 13, 0x7
#: The sixth reserved bit of a parameter is the one that says TV.
_PARAMETER_RESERVED_SHIFT, _PARAMETER_RESERVED_MAX = 10, 0x1F
_MAX_PARAMETER_BYTES = 0xFFFF
_MAX_ID = 0xFFFF_FFFF
_VENDOR_AND_U8 = struct.Struct(">IB")
_VENDOR_AND_U32 = struct.Struct(">II")


class _Tree:
    """What a message and a parameter have in common: fields, and children found by name."""

    __slots__ = ()
    fields: dict[str, Any]
    children: list[Parameter]

    def first(self, name: str) -> Parameter | None:
        """The first child of that name."""
        return next(self._named(name), None)

    def all(self, name: str) -> list[Parameter]:
        """Every child of that name, in order."""
        return list(self._named(name))

    def field(self, name: str) -> Any:
        """The value of a field; None where it was never set."""
        return self.fields.get(name)

    def _named(self, name: str) -> Iterator[Parameter]:
        return (child for child in self.children if child.name == name)


@dataclasses.dataclass(slots=True)
class Parameter(_Tree):
    """One parameter: name and fields as in the tables, children in the order of the wire."""

    name: str
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    children: list[Parameter] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Message(_Tree):
    """One message: name and fields as in the tables, children in the order of the wire."""

    name: str
    id: int = 0
    version: int = 1
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    children: list[Parameter] = dataclasses.field(default_factory=list)


def decode(frame: bytes | memoryview, *, max_parameters: int = MAX_PARAMETERS) -> Message:
    """The message in one whole frame; FrameError or DecodeError, never anything else."""
    data = bytes(frame)
    word, number = _checked_header(data)
    message = _decode_body(data, word & _TYPE_MASK, max_parameters)
    message.id = number
    message.version = word >> _VERSION_SHIFT & _VERSION_MASK
    if word >> _MESSAGE_RESERVED_SHIFT:
        message.fields[HEADER_RESERVED] = word >> _MESSAGE_RESERVED_SHIFT
    return message


def encode(message: Message) -> bytes:
    """The message as one frame; a field that is not given is zero or empty. Raises EncodeError."""
    try:
        return _frame(message)
    except EncodeError as error:
        error.enter(message.name)
        raise


def _frame(message: Message) -> bytes:
    row = registry.message_row(message.name)
    if row is None:
        raise EncodeError("there is no such message")
    if message.version not in VERSIONS:
        raise EncodeError(f"expected one of {VERSIONS}", path="version")
    number, reserved, fields = _split_fields(row, message.fields, _MESSAGE_RESERVED_MAX)
    out = bytearray(MESSAGE_HEADER.size)
    out += row.prefix
    row.layout.write(fields, out)
    _write_children(message.children, out, 1)
    word = reserved << _MESSAGE_RESERVED_SHIFT | message.version << _VERSION_SHIFT | number
    MESSAGE_HEADER.pack_into(out, 0, word, len(out), _whole("id", message.id, _MAX_ID))
    return bytes(out)


def _checked_header(data: bytes) -> tuple[int, int]:
    """The first word and the id of a frame whose header agrees with its size."""
    if len(data) < MESSAGE_HEADER.size:
        reason = f"a message has at least {MESSAGE_HEADER.size} bytes, this one {len(data)}"
        raise FrameError(reason, head=data)
    word, length, number = MESSAGE_HEADER.unpack_from(data)
    version = word >> _VERSION_SHIFT & _VERSION_MASK
    if version not in VERSIONS:
        raise FrameError(f"there is no protocol version {version}", head=data)
    if length != len(data):
        reason = f"the header says {length} bytes, the message has {len(data)}"
        raise FrameError(reason, offset=2, head=data)
    return word, number


def _decode_body(data: bytes, number: int, max_parameters: int) -> Message:
    row = registry.MESSAGES_BY_NUMBER.get(number)
    if row is None:
        return Message(UNKNOWN, fields={"Type": number, "Data": data[MESSAGE_HEADER.size :]})
    body = _Body(data, max_parameters)
    if row is CUSTOM_MESSAGE:
        vendor_row = body.vendor_row()
        if vendor_row is not None:
            try:
                return body.message(vendor_row)
            except DecodeError:
                pass  # not the layout that we know: kept as bytes
    try:
        return body.message(row)
    except DecodeError as error:
        error.enter(row.name)
        raise


class _QuickTv(NamedTuple):
    """All that reading a TV parameter of one field needs; the way of most of a tag report."""

    name: str
    field: str
    size: int
    unpack_from: Callable[[bytes, int], tuple[Any, ...]]


def _quick_tv(row: Row | None) -> _QuickTv | None:
    if row is None or row.layout.single is None:
        return None
    single = row.layout.single
    return _QuickTv(row.name, single.name, single.size, single.unpack_from)


#: By the only byte of its header.
_QUICK_TVS = [_quick_tv(registry.TV_BY_NUMBER.get(byte - _TV_BIT)) for byte in range(0x100)]


class _Body:
    """Reads what follows the header of one message; `at` and `end` are positions in the frame."""

    __slots__ = ("_data", "_left", "_max_parameters")

    def __init__(self, data: bytes, max_parameters: int) -> None:
        self._data = data
        self._max_parameters = max_parameters
        self._left = max_parameters

    def vendor_row(self) -> Row | None:
        """The row of a custom message, when its vendor has a table and the table has it."""
        if len(self._data) < MESSAGE_HEADER.size + _VENDOR_AND_U8.size:
            return None
        key = _VENDOR_AND_U8.unpack_from(self._data, MESSAGE_HEADER.size)
        return registry.CUSTOM_MESSAGES.get(key)

    def message(self, row: Row) -> Message:
        """The message, read as a row of the tables says."""
        at = MESSAGE_HEADER.size + len(row.prefix)
        fields, children = self._read(row, at, len(self._data), 1)
        return Message(row.name, fields=fields, children=children)

    def _read(
        self, row: Row, at: int, end: int, depth: int
    ) -> tuple[dict[str, Any], list[Parameter]]:
        """The fields and children between `at` and `end`, to the last byte."""
        fields, at = row.layout.read(self._data, at, end)
        if at == end:
            return fields, []
        if row.children:
            return fields, self._children(at, end, depth)
        # The standard has no children here. Whole parameters are somebody's extension, and kept;
        # anything else is a wrong length.
        try:
            children = self._children(at, end, depth)
        except DecodeError:
            children = []
        if not children or children[-1].name == OPAQUE:
            reason = f"{spell_bytes(end - at)} left over after the last field"
            raise DecodeError(reason, offset=at)
        return fields, children

    def _children(self, at: int, end: int, depth: int) -> list[Parameter]:
        if depth > MAX_DEPTH:
            raise DecodeError(f"parameters are nested more than {MAX_DEPTH} deep", offset=at)
        data = self._data
        found: list[Parameter] = []
        try:
            while at < end:
                self._left -= 1
                quick = _QUICK_TVS[data[at]]
                if quick is None or at + quick[2] >= end or self._left < 0:
                    parameter, at = self._parameter(at, end, depth)
                    found.append(parameter)
                else:
                    name, field, size, unpack_from = quick
                    found.append(Parameter(name, {field: unpack_from(data, at + 1)[0]}, []))
                    at += 1 + size
        except DecodeError as error:
            name = self._name_at(at, end)
            error.enter(name, 1 + sum(child.name == name for child in found))
            raise
        return found

    def _parameter(self, at: int, end: int, depth: int) -> tuple[Parameter, int]:
        """The parameter of any kind that begins at `at`, and where it ends."""
        if self._left < 0:
            raise DecodeError(f"more than {self._max_parameters} parameters", offset=at)
        first = self._data[at]
        if first < _TV_BIT:
            return self._tlv(at, end, depth)
        row = registry.TV_BY_NUMBER.get(first - _TV_BIT)
        if row is None:
            return Parameter(OPAQUE, {"Data": self._data[at:end]}, []), end
        fields, stop = row.layout.read(self._data, at + 1, end)
        return Parameter(row.name, fields, []), stop

    def _tlv(self, at: int, end: int, depth: int) -> tuple[Parameter, int]:
        """The parameter with a length that begins at `at`, and where it ends."""
        if at + PARAMETER_HEADER.size > end:
            reason = f"a parameter header needs {PARAMETER_HEADER.size} bytes, {end - at} remain"
            raise DecodeError(reason, offset=at)
        word, length = PARAMETER_HEADER.unpack_from(self._data, at)
        start, stop = at + PARAMETER_HEADER.size, at + length
        if stop < start:
            reason = f"says that it has {spell_bytes(length)}, its header alone has 4"
            raise DecodeError(reason, offset=at)
        if stop > end:
            reason = f"says that it has {spell_bytes(length)}, {end - at} remain"
            raise DecodeError(reason, offset=at)
        number = word & _TYPE_MASK
        row = registry.TLV_BY_NUMBER.get(number)
        if row is None:
            parameter = Parameter(UNKNOWN, {"Type": number, "Data": self._data[start:stop]}, [])
        elif row is CUSTOM_PARAMETER:
            parameter = self._custom(start, stop, depth)
        else:
            parameter = Parameter(row.name, *self._read(row, start, stop, depth + 1))
        if word > _TYPE_MASK:
            parameter.fields[HEADER_RESERVED] = word >> _PARAMETER_RESERVED_SHIFT
        return parameter, stop

    def _custom(self, start: int, stop: int, depth: int) -> Parameter:
        if stop - start >= _VENDOR_AND_U32.size:
            key = _VENDOR_AND_U32.unpack_from(self._data, start)
            row = registry.CUSTOM_PARAMETERS.get(key)
            if row is not None:
                try:
                    fields = self._read(row, start + len(row.prefix), stop, depth + 1)
                    return Parameter(row.name, *fields)
                except DecodeError:
                    pass  # not the layout that we know: kept as bytes
        return Parameter("Custom", *self._read(CUSTOM_PARAMETER, start, stop, depth + 1))

    def _name_at(self, at: int, end: int) -> str:
        """What a broken parameter is called in the path of an error."""
        first = self._data[at]
        if first >= _TV_BIT:
            tv = registry.TV_BY_NUMBER.get(first - _TV_BIT)
            return tv.name if tv else OPAQUE
        if at + 2 > end:
            return UNKNOWN
        number = int.from_bytes(self._data[at : at + 2]) & _TYPE_MASK
        row = registry.TLV_BY_NUMBER.get(number)
        return row.name if row else UNKNOWN


def _write_children(children: list[Parameter], out: bytearray, depth: int) -> None:
    if children and depth > MAX_DEPTH:
        raise EncodeError(f"parameters are nested more than {MAX_DEPTH} deep")
    for index, child in enumerate(children):
        try:
            _write_parameter(child, out, depth)
        except EncodeError as error:
            error.enter(child.name, 1 + sum(c.name == child.name for c in children[:index]))
            raise


def _write_parameter(parameter: Parameter, out: bytearray, depth: int) -> None:
    row = registry.parameter_row(parameter.name)
    if row is None:
        raise EncodeError("there is no such parameter")
    if row.is_tv or row is registry.OPAQUE_REST:
        if parameter.children:
            raise EncodeError("cannot have children: it has no length on the wire")
        if row.is_tv:
            out.append(_TV_BIT | row.number)
        row.layout.write(parameter.fields, out)
        return
    number, reserved, fields = _split_fields(row, parameter.fields, _PARAMETER_RESERVED_MAX)
    start = len(out)
    out += bytes(PARAMETER_HEADER.size)
    out += row.prefix
    row.layout.write(fields, out)
    _write_children(parameter.children, out, depth + 1)
    length = len(out) - start
    if length > _MAX_PARAMETER_BYTES:
        raise EncodeError(f"takes {length} bytes, a parameter at most {_MAX_PARAMETER_BYTES}")
    word = reserved << _PARAMETER_RESERVED_SHIFT | number
    PARAMETER_HEADER.pack_into(out, start, word, length)


def _split_fields(
    row: Row, fields: dict[str, Any], reserved_max: int
) -> tuple[int, int, dict[str, Any]]:
    """The number and the reserved bits for the header, and the fields that stand in the body."""
    number, reserved = row.number, 0
    if HEADER_RESERVED in fields:
        fields = dict(fields)
        reserved = _whole(HEADER_RESERVED, fields.pop(HEADER_RESERVED), reserved_max)
    if row.name == UNKNOWN:
        fields = dict(fields)
        number = _whole("Type", fields.pop("Type", None), _TYPE_MASK)
    return number, reserved, fields


def _whole(name: str, value: Any, largest: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= largest:
        raise EncodeError(f"expected a whole number from 0 to {largest}", path=name)
    return value
