"""Messages as JSON and as a tree for people.

`to_json` is exact: `from_json` gives the same message back, hence the same bytes. Per message

    {"name": "ADD_ROSPEC", "id": 4, "version": 1, "fields": {…}, "meaning": {…}, "children": […]}

and a child is the same without `id` and `version`. Empty `fields` and `children` are left out.
Bytes are hex; a run of bits is `{"bits": 7, "hex": "FE"}`, or plain hex when it is whole bytes;
enumerations stay numbers, their names stand in `meaning`, which `from_json` does not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from gateway.llrp import registry
from gateway.llrp.codec import MAX_DEPTH, Message, Parameter
from gateway.llrp.errors import EncodeError
from gateway.llrp.fields import Bits
from gateway.llrp.tables import Row

_VERSION_NAMES = {1: "1.0.1", 2: "1.1", 3: "2.0"}
_BYTES_KINDS = frozenset({"u96", "u8v", "bytesToEnd"})
#: Parameters whose `Microseconds` count from 1970; those of the uptime count from power-on.
_UTC_PARAMETERS = frozenset({"UTCTimestamp", "FirstSeenTimestampUTC", "LastSeenTimestampUTC"})
#: What datetime can show: up to the end of the year 9999.
_LAST_UTC_US = 253_402_300_799_999_999

_MESSAGE_KEYS = frozenset({"name", "id", "version", "fields", "meaning", "children"})
_PARAMETER_KEYS = frozenset({"name", "fields", "meaning", "children"})


def to_json(message: Message) -> dict[str, Any]:
    """The message as an object that `json` can write."""
    row = registry.message_row(message.name)
    head = {"name": message.name, "id": message.id, "version": message.version}
    return head | _node_to_json(message, row)


def from_json(value: Any) -> Message:
    """The message that `to_json` turned into `value`; EncodeError says where it is not one."""
    name = _checked_name(value, _MESSAGE_KEYS)
    try:
        fields, children = _node_from_json(value, registry.message_row(name), 1)
    except EncodeError as error:
        error.enter(name)
        raise
    return Message(name, value.get("id", 0), value.get("version", 1), fields, children)


def pretty(message: Message) -> str:
    """The message as an indented tree, one parameter a line; plain ASCII whatever it holds."""
    version = _VERSION_NAMES.get(message.version, str(message.version))
    row = registry.message_row(message.name)
    head = f"{message.name} (id {message.id}, LLRP {version}){_fields_text(message, row)}"
    return "\n".join([head, *_lines(message.children, 1)])


def _node_to_json(node: Message | Parameter, row: Row | None) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if node.fields:
        parts["fields"] = {name: _value_to_json(value) for name, value in node.fields.items()}
    if meaning := _meaning(node, row):
        parts["meaning"] = meaning
    if node.children:
        parts["children"] = [
            {"name": child.name} | _node_to_json(child, registry.parameter_row(child.name))
            for child in node.children
        ]
    return parts


def _value_to_json(value: Any) -> Any:
    if isinstance(value, Bits):
        data = _hex(value.data)
        return data if value.length == 8 * len(value.data) else {"bits": value.length, "hex": data}
    if isinstance(value, bytes | bytearray | memoryview):
        return _hex(value)
    return value


def _node_from_json(
    value: dict[str, Any], row: Row | None, depth: int
) -> tuple[dict[str, Any], list[Parameter]]:
    if depth > MAX_DEPTH + 1:
        raise EncodeError(f"parameters are nested more than {MAX_DEPTH} deep")
    fields = value.get("fields", {})
    children = value.get("children", [])
    if not isinstance(fields, dict) or not isinstance(children, list):
        raise EncodeError("expected an object as `fields` and a list as `children`")
    kinds = {field.name: field.kind for field in row.layout.fields} if row else {}
    values = {key: _value_from_json(key, kinds.get(key), v) for key, v in fields.items()}
    return values, [_child_from_json(child, i, depth) for i, child in enumerate(children, 1)]


def _child_from_json(value: Any, index: int, depth: int) -> Parameter:
    try:
        name = _checked_name(value, _PARAMETER_KEYS)
    except EncodeError as error:
        error.enter(f"children[{index}]")
        raise
    try:
        row = registry.parameter_row(name)
        return Parameter(name, *_node_from_json(value, row, depth + 1))
    except EncodeError as error:
        error.enter(name)
        raise


def _checked_name(value: Any, keys: frozenset[str]) -> str:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise EncodeError('expected an object with a "name"')
    if not value.keys() <= keys:
        unknown = min(value.keys() - keys)
        raise EncodeError(f"there is no key {unknown!r}; there is {', '.join(sorted(keys))}")
    return str(value["name"])


def _value_from_json(name: str, kind: str | None, value: Any) -> Any:
    """Bytes from their hex; everything else is as in a message, and checked when it is encoded."""
    try:
        if kind in _BYTES_KINDS:
            return bytes.fromhex(value)
        if kind == "u1v":
            if isinstance(value, dict):
                return Bits(int(value["bits"]), bytes.fromhex(value["hex"]))
            data = bytes.fromhex(value)
            return Bits(8 * len(data), data)
    except (KeyError, TypeError, ValueError):
        expected = "hex digits" if kind != "u1v" else 'hex digits or {"bits": …, "hex": …}'
        raise EncodeError(f"expected {expected}", path=name) from None
    return value


def _lines(children: list[Parameter], depth: int) -> Iterator[str]:
    for child in children:
        row = registry.parameter_row(child.name)
        yield f"{'  ' * depth}{child.name}{_fields_text(child, row)}"
        yield from _lines(child.children, depth + 1)


def _fields_text(node: Message | Parameter, row: Row | None) -> str:
    if not node.fields:
        return ""
    meaning = _meaning(node, row)
    parts = []
    for name, value in node.fields.items():
        shown = _value_text(value)
        parts.append(f"{name}={shown}" + (f" ({meaning[name]})" if name in meaning else ""))
    return ": " + ", ".join(parts)


def _value_text(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value)  # quoted, and no control character reaches a terminal
    if isinstance(value, Bits):
        return f"{_hex(value.data)} ({value.length} bits)"
    if isinstance(value, bytes | bytearray | memoryview):
        return _hex(value) or "(empty)"
    return str(value)


def _meaning(node: Message | Parameter, row: Row | None) -> dict[str, str]:
    """What numbers stand for: names of enumerations, and times of day."""
    found = {}
    for field in row.layout.fields if row else ():
        value = node.fields.get(field.name)
        if field.enumeration and isinstance(value, int):
            name = registry.ENUMERATIONS.get(field.enumeration, {}).get(value)
            if name:
                found[field.name] = name
    since_1970_us = node.fields.get("Microseconds") if node.name in _UTC_PARAMETERS else None
    if isinstance(since_1970_us, int) and 0 <= since_1970_us <= _LAST_UTC_US:
        found["Microseconds"] = _utc(since_1970_us)
    return found


def _utc(since_1970_us: int) -> str:
    seconds, rest = divmod(since_1970_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:06}Z"


def _hex(data: bytes | bytearray | memoryview) -> str:
    return data.hex().upper()
