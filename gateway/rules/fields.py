"""Fields: what a rule's key, group, summary and expression may name, by what the rule is `on`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from gateway.model.device import BINARY_KINDS, SensorKind


class On(StrEnum):
    """What a rule listens to."""

    MOVEMENT = "movement"  # a tag's last movement
    PRESENCE = "presence"  # where a tag is, and for how long
    PASSAGE = "passage"  # the last load through a door
    READING = "reading"  # what the sensors of a door or zone, or one sensor, say
    READER = "reader"  # how a reader, or an antenna of it, is
    TIMER = "timer"  # looked at again and again


class FieldType(StrEnum):
    """What a field holds, and so how it is shown."""

    TEXT = "text"
    NUMBER = "number"
    SECONDS = "seconds"
    TIME = "time"  # microseconds since the epoch
    FLAG = "flag"
    LIST = "list"  # of texts


_T, _N, _S, _W, _F, _L = FieldType

_ANY = {"rule": _T, "site": _T, "time": _W}
_ITEM = {
    "item.known": _F,
    "item.sku": _T,
    "item.name": _T,
    "item.category": _T,
    "item.home_zones": _L,
    "item.allowed_zones": _L,
    "item.minimum": _N,
    "item.at_home": _F,
    "item.allowed": _F,
}
_ZONE = {"zone": _T, "zone.name": _T, "zone.kind": _T}
_DOOR = {"door": _T, "door.name": _T}
_SENSORS = {kind.value: _F if kind in BINARY_KINDS else _N for kind in SensorKind} | {
    SensorKind.BARCODE.value: _T
}

#: Names and types, by what a rule is on.
FIELDS: dict[On, dict[str, FieldType]] = {
    On.MOVEMENT: _ANY
    | {
        "goods": _T,
        "epc": _T,
        "epc_uri": _T,
        "kind": _T,
        "from": _T,
        "to": _T,
        "from.name": _T,
        "to.name": _T,
    }
    | _ZONE
    | _DOOR
    | {"direction": _T, "passage": _T, "confidence": _N, "dwell": _S, "shipment": _T}
    | {"elsewhere": _N}
    | _ITEM,
    On.PRESENCE: _ANY
    | {"goods": _T, "epc": _T, "epc_uri": _T, "state": _T, "dwell": _S, "shipment": _T}
    | _ZONE
    | _ITEM,
    On.PASSAGE: _ANY
    | _DOOR
    | {"passage": _T, "direction": _T, "verdict": _T, "tags": _N, "confidence": _N}
    | {"shipment": _T, "duration": _S},
    On.READING: _ANY
    | _ZONE
    | _DOOR
    | {"sensor": _T, "value": _N, "held": _S, "silent": _S}
    | _SENSORS,
    On.READER: _ANY
    | _ZONE
    | _DOOR
    | {"reader": _T, "antenna": _N, "state": _T, "up": _F, "reason": _T, "quiet": _S},
    On.TIMER: _ANY
    | _ZONE
    | _DOOR
    | {"sku": _T, "stock": _N, "minimum": _N, "sku.name": _T}
    | _SENSORS,
}

#: What instances of a rule may be told apart by; the first is the default.
KEYS: dict[On, tuple[tuple[str, ...], ...]] = {
    On.MOVEMENT: (("epc",),),
    On.PRESENCE: (("epc",),),
    On.PASSAGE: (("door",), ("passage",)),
    On.READING: (("sensor",), ("door",), ("zone",)),
    On.READER: (("reader",), ("reader", "antenna")),
    On.TIMER: ((), ("zone",), ("door",), ("sku",)),
}

SAMPLES: dict[FieldType, Any] = {
    _T: "x",
    _N: 1.5,
    _S: 60.0,
    _W: 1_732_203_600_000_000,
    _F: True,
    _L: ["x"],
}


#: What alerts of any rules may carry.
ALL_FIELDS = frozenset(name for fields in FIELDS.values() for name in fields)


def elsewhere(name: str) -> str:
    """`; rules on reading have it` for a field that others have; else nothing."""
    found = [str(on) for on, fields in FIELDS.items() if name in fields]
    return f"; rules on {' and '.join(found)} have it" if found else ""
