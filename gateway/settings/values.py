"""The kinds of value in settings: each takes the text as it is written and says what it expected.

Files and environment both deliver text, so that an identifier such as `0614141`, `1e3` or `no` is
kept exactly as written, and `port: 1883` and `RFID_GATEWAY_MQTT__PORT=1883` mean the same.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from gateway.settings.report import quoted, suggestion

MAX_ID_CHARACTERS = 64
_ID = re.compile(r"\w[\w.:@-]*")
_SENSOR_ID = re.compile(r"\w[\w.:@-]*(?:/\w[\w.:@-]*)*")
_DURATION = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?!s))?"
    r"(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?"
)
#: In milliseconds, so that 87ms is the very number 0.087.
_UNIT_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_BYTE_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?) ?(|B|[kK]B|MB|GB|TB)")
_UNIT_BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_MAX_DURATION_S = 10 * 366 * 86400.0
_SGLN = re.compile(
    r"urn:epc:id:sgln:(\d{6,12})\.(\d{0,6})\.((?:[\w!\"'()*+,.:;=-]|%[0-9A-F]{2}){1,60})"
)


def text_of(value: Any) -> Any:
    """Numbers that reach an identifier (from JSON in the environment) as their text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value


def parse_duration(value: Any) -> float:
    """Seconds of `30s`, `5m`, `1h30m`, `200ms`, `7d` or a plain number of seconds."""
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        seconds = float(text)
    elif text and (found := _DURATION.fullmatch(text)):
        given = found.groupdict().items()
        seconds = sum(float(n) * _UNIT_MS[unit] for unit, n in given if n) / 1000
    else:
        raise ValueError("expected a duration such as 200ms, 30s, 5m or 1h30m")
    if seconds > _MAX_DURATION_S:
        raise ValueError("expected a duration of at most ten years")
    return seconds


def parse_size(value: Any) -> int:
    """Bytes of `200MB`, `1.5GB`, `64KB` or a plain number of bytes; 1 KB is 1,000 bytes."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    found = _BYTE_SIZE.fullmatch(text)
    if found is None:
        raise ValueError("expected a size such as 200MB or 1GB")
    return round(float(found[1]) * _UNIT_BYTES[found[2].upper()])


def format_size(size: int) -> str:
    """A size as a person writes it: `200MB`."""
    for unit, factor in reversed(_UNIT_BYTES.items()):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return "0"


def format_duration(seconds: float | None) -> str:
    """A duration as a person writes it: `1h30m`, `200ms`; `never` for None."""
    if seconds is None:
        return "never"
    rest_ms = round(seconds * 1000)
    parts = []
    for unit, size_ms in _UNIT_MS.items():
        count, rest_ms = divmod(rest_ms, size_ms)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _check_id(text: str) -> str:
    if len(text) > MAX_ID_CHARACTERS or not _ID.fullmatch(text):
        raise ValueError(
            "expected an identifier: a letter or digit, then letters, digits and . : @ _ -, "
            f"at most {MAX_ID_CHARACTERS} characters"
        )
    return text


def _check_sensor_id(text: str) -> str:
    if len(text) > MAX_ID_CHARACTERS or not _SENSOR_ID.fullmatch(text):
        raise ValueError(
            "expected an identifier such as door-1/inner: letters, digits and . : @ _ -, in parts "
            f"joined by '/', at most {MAX_ID_CHARACTERS} characters"
        )
    return text


def _check_timezone(name: str) -> str:
    if name == "UTC":
        return name  # known even where no time zone database is installed
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        if not known:
            raise ValueError("this host has no time zones: install the package tzdata") from None
        raise ValueError(f"there is no time zone {quoted(name)}{suggestion(name, known)}") from None
    return name


def _check_gln(text: str) -> str:
    if not re.fullmatch(r"[0-9]{13}", text):
        raise ValueError("expected a GLN: 13 digits, leading zeros included")
    digit = check_digit(text[:12])
    if text[12] != digit:
        raise ValueError(f"the GLN {text} has a wrong check digit: {text[12]} should be {digit}")
    return text


def check_digit(digits: str) -> str:
    """The GS1 check digit that follows `digits` (GS1 General Specifications, 7.9)."""
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits)))
    return str(-total % 10)


def _check_sgln(text: str) -> str:
    found = _SGLN.fullmatch(text)
    if not found or len(found[1]) + len(found[2]) != 12:
        raise ValueError(
            "expected urn:epc:id:sgln:PREFIX.LOCATION.EXTENSION, prefix and location "
            "having 12 digits together"
        )
    return text


def _check_topic(text: str) -> str:
    if "+" in text or "#" in text:
        raise ValueError("a topic has no wildcards (+ or #) here: name one topic")
    if not text or len(text.encode()) > 1024 or not text.isprintable():
        raise ValueError("expected a topic: 1 to 1,024 bytes of printable text")
    return text


def _check_prefix(text: str) -> str:
    _check_topic(text)
    if text.startswith("$") or not all(text.split("/")):
        raise ValueError("expected a prefix such as rfid/dc-north: no empty level, no leading $")
    return text


def check_line(text: Any) -> str:
    """One line of at most 200 printable characters."""
    if not isinstance(text, str) or len(text) > 200 or not text.isprintable():
        raise ValueError("expected one line of text, at most 200 characters")
    return text


def _point(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("expected [x, y] in metres")
    return value


def _point_2_or_3(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) not in (2, 3):
        raise ValueError("expected [x, y] or [x, y, z] in metres")
    return value


def _or_never(value: Any) -> Any:
    return value if value == "never" else parse_duration(value)


def _size(value: tuple[float, float]) -> tuple[float, float]:
    if min(value) <= 0:
        raise ValueError("expected [width, depth] in metres, both above 0")
    return value


_DURATION_SCHEMAS: list[dict[str, Any]] = [
    {"type": "number", "minimum": 0},
    {"type": "string", "pattern": r"^([0-9.]+(d|h|m|s|ms))+$|^[0-9.]+$"},
]
_DURATION_SCHEMA = {"anyOf": _DURATION_SCHEMAS, "examples": ["30s", "5m", "1h30m"]}
_SIZE_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)? ?(|B|[kK]B|MB|GB|TB)$"},
    ],
    "examples": ["200MB"],
}
_NEVER_SCHEMA = {"anyOf": [*_DURATION_SCHEMAS, {"const": "never"}]}
_ID_SCHEMA = {"type": ["string", "number", "boolean"], "examples": ["staging-1", "0614141"]}

_shown_as_duration = PlainSerializer(format_duration, return_type=str, when_used="json")

#: A number of metres.
Metres = Annotated[float, Field(allow_inf_nan=False, ge=-100_000, le=100_000)]
#: One line of text for people.
Line = Annotated[str, BeforeValidator(text_of), AfterValidator(check_line)]
#: The id of a site, zone, door, reader, group, profile or sink; safe as a topic level and in a URL.
Identifier = Annotated[
    str, BeforeValidator(text_of), AfterValidator(_check_id), WithJsonSchema(_ID_SCHEMA)
]
#: As `Identifier`, in parts joined by slashes.
SensorId = Annotated[
    str, BeforeValidator(text_of), AfterValidator(_check_sensor_id), WithJsonSchema(_ID_SCHEMA)
]
#: Seconds, written as a duration.
Duration = Annotated[
    float, BeforeValidator(parse_duration), _shown_as_duration, WithJsonSchema(_DURATION_SCHEMA)
]
#: Bytes, written with a unit.
ByteSize = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(format_size, return_type=str, when_used="json"),
    WithJsonSchema(_SIZE_SCHEMA),
]
#: A duration or `never`; None inside stands for a value that is not given.
DurationOrNever = Annotated[float | str, BeforeValidator(_or_never), WithJsonSchema(_NEVER_SCHEMA)]
Point = Annotated[tuple[Metres, Metres], BeforeValidator(_point)]
PointOrHeight = Annotated[tuple[Metres, ...], BeforeValidator(_point_2_or_3)]
Size = Annotated[tuple[Metres, Metres], BeforeValidator(_point), AfterValidator(_size)]
Timezone = Annotated[str, AfterValidator(_check_timezone)]
Gln = Annotated[
    str, BeforeValidator(text_of), AfterValidator(_check_gln), WithJsonSchema(_ID_SCHEMA)
]
Sgln = Annotated[str, AfterValidator(_check_sgln)]
Topic = Annotated[str, AfterValidator(_check_topic)]
TopicPrefix = Annotated[str, AfterValidator(_check_prefix)]
