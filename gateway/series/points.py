"""Points: the measurements that there are, their tags and fields (contract, "Time series").

Nothing else ever becomes a measurement, tag or field, whatever a tag or a device says: names come
from here, only values from outside. The EPC is a field, so that the number of series stays small.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class FieldType(Enum):
    """How a field is written; it never changes, because databases refuse a second type."""

    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement:
    """One measurement; the order of its tags and fields is that of a point's values."""

    name: str
    tags: tuple[str, ...]
    fields: Mapping[str, FieldType]


class Point(NamedTuple):
    """One point: values in the order of the measurement's tags and fields, None where absent."""

    measurement: Measurement
    tags: tuple[str | None, ...]
    fields: tuple[float | int | bool | str | None, ...]
    time_us: int


_FLOAT, _INTEGER, _TEXT = FieldType.FLOAT, FieldType.INTEGER, FieldType.TEXT

MOVEMENT = Measurement(
    name="movement",
    tags=("site", "kind", "to_zone", "door", "direction"),
    fields={
        "epc": _TEXT,
        "from_zone": _TEXT,
        "id": _TEXT,
        "confidence": _FLOAT,
        "dwell_s": _FLOAT,
    },
)
#: What one antenna read in ten seconds.
READS = Measurement(
    name="reads",
    tags=("site", "reader", "antenna", "zone", "door"),
    fields={
        "reads": _INTEGER,
        "tags": _INTEGER,
        "rssi_mean_dbm": _FLOAT,
        "rssi_max_dbm": _FLOAT,
    },
)
#: What a zone holds, and how many movements went in and out since the point before.
ZONE = Measurement(
    name="zone",
    tags=("site", "zone"),
    fields={"tags": _INTEGER, "arrived": _INTEGER, "left": _INTEGER},
)
SENSOR = Measurement(
    name="sensor",
    tags=("site", "sensor", "kind"),
    fields={"value": _FLOAT, "state": FieldType.BOOLEAN},
)
#: How a reader did in ten seconds; `up` is 1 or 0, `reconnects` how often it came up again.
READER = Measurement(
    name="reader",
    tags=("site", "reader"),
    fields={
        "up": _INTEGER,
        "reads_per_s": _FLOAT,
        "clock_offset_ms": _FLOAT,
        "reconnects": _INTEGER,
    },
)
ALERT = Measurement(
    name="alert",
    tags=("site", "rule", "severity"),
    fields={"state": _TEXT, "key": _TEXT, "id": _TEXT},
)

#: All there are, by name.
MEASUREMENTS: Mapping[str, Measurement] = {
    m.name: m for m in (MOVEMENT, READS, ZONE, SENSOR, READER, ALERT)
}
