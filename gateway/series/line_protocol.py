r"""Line protocol: a point as one line of text, whatever its values hold.

    reads,site=dc-north,reader=dock-1,antenna=1,door=door-1 reads=412i,tags=17i 1795262401000000000

A value from outside can neither end its line nor begin another tag or field. What a tag cannot
carry is replaced by U+FFFD: control characters, and the backslash, which would escape the
character that comes after it, also where it ends the value.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Any

from gateway.series.points import FieldType, Measurement, Point

#: Longer texts are cut: a series' name has a limit in every database.
TAG_CHARACTERS = 256
TEXT_CHARACTERS = 4_096
#: Beyond this, times and integers do not fit into 64 bits.
_INTEGER_LIMIT = 1 << 63
#: Times of a series that are remembered, for points that come late.
_REMEMBERED = 64
_STRANGE = "\N{REPLACEMENT CHARACTER}"
_TAG_ESCAPES = str.maketrans({",": "\\,", "=": "\\=", " ": "\\ ", "\\": _STRANGE})
_TEXT_ESCAPES = str.maketrans({'"': '\\"', "\\": "\\\\"})


def line(point: Point) -> str | None:
    """The point as a line without its end; None when it has no field that can be written."""
    written = fields(point.measurement, point.fields)
    if not written:
        return None
    return f"{head(point.measurement, point.tags)} {written} {point.time_us * 1_000}"


def head(measurement: Measurement, tags: Sequence[str | None]) -> str:
    """Measurement and tags: the name of the series. Absent and empty tags are left out."""
    parts = [measurement.name]
    for name, value in zip(measurement.tags, tags, strict=True):
        if value:
            parts.append(f"{name}={_tag(value)}")
    return ",".join(parts)


def fields(measurement: Measurement, values: Sequence[Any]) -> str:
    """The fields, each of its declared type; what is absent or no number is left out."""
    parts = []
    for (name, kind), value in zip(measurement.fields.items(), values, strict=True):
        if value is not None and (text := _WRITTEN[kind](value)) is not None:
            parts.append(f"{name}={text}")
    return ",".join(parts)


def _tag(value: str) -> str:
    if value.isascii() and value.isalnum():
        return value
    return _printable(value[:TAG_CHARACTERS]).translate(_TAG_ESCAPES)


def _text(value: str) -> str:
    if not (value.isascii() and value.isalnum()):
        value = _printable(value[:TEXT_CHARACTERS]).translate(_TEXT_ESCAPES)
    return f'"{value}"'


def _printable(value: str) -> str:
    if value.isascii() and value.isprintable():
        return value
    value = unicodedata.normalize("NFC", value)
    return "".join(c if c.isprintable() else _STRANGE for c in value)


def _float(value: float) -> str | None:
    return repr(float(value)) if math.isfinite(value) else None


def _integer(value: int) -> str | None:
    return f"{int(value)}i" if -_INTEGER_LIMIT <= value < _INTEGER_LIMIT else None


def _boolean(value: bool) -> str:
    return "true" if value else "false"


_WRITTEN: dict[FieldType, Any] = {
    FieldType.FLOAT: _float,
    FieldType.INTEGER: _integer,
    FieldType.BOOLEAN: _boolean,
    FieldType.TEXT: _text,
}


class SeriesLines:
    """Lines whose timestamps are unique within their series.

    Points of a series in the same microsecond get the nanoseconds after it, in their order: else a
    database would keep only the last. The number of series is that of the site's devices and zones.
    """

    def __init__(self) -> None:
        self._heads: dict[tuple[Measurement, tuple[str | None, ...]], str] = {}
        self._told: dict[str, dict[int, int]] = {}  # per series: time → points of late

    def line(self, point: Point) -> str | None:
        """The point as a line without its end; None when it has no field that can be written."""
        key = (point.measurement, point.tags)
        series = self._heads.get(key)
        if series is None:
            series = self._heads[key] = head(*key)
            self._told[series] = {}
        written = fields(point.measurement, point.fields)
        if not written:
            return None
        return f"{series} {written} {self._time_ns(self._told[series], point.time_us)}"

    @staticmethod
    def _time_ns(told: dict[int, int], time_us: int) -> int:
        count = told.get(time_us, 0)
        told[time_us] = count + 1
        if len(told) > _REMEMBERED:
            del told[next(iter(told))]
        return time_us * 1_000 + min(count, 999)
