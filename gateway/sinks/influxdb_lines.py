"""Records of the outbox as lines: a movement or an alert is one point.

The records tell milliseconds. What is finer comes from the place in the outbox, which is the same
at every try and differs within a million records: so points of one series never fall together, and
a record that is sent again overwrites itself.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from gateway.errors import Rejected
from gateway.model.delivery import Record
from gateway.series.line_protocol import fields, head
from gateway.series.points import ALERT, MOVEMENT, Measurement

#: Places in a millisecond.
_PLACES = 1_000_000
_NS_PER_S = 1_000_000_000


def line_of(record: Record) -> str:
    """The record as a line without its end; raises `Rejected` when there is none in it."""
    try:
        body = orjson.loads(record.body)
        measurement, tags, values = _READ[record.kind](body)
        time_ns = _time_ns(body["event_time"]) + record.seq % _PLACES
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise Rejected(f"the {record.kind} cannot be read ({error!r})") from error
    return f"{head(measurement, tags)} {fields(measurement, values)} {time_ns}"


def _movement(body: dict[str, Any]) -> tuple[Measurement, tuple[str | None, ...], tuple[Any, ...]]:
    # What is taken back must not count as what it was.
    kind = "retracted" if body["status"] == "retracted" else body["kind"]
    tags = (body["site"], kind, body["to"], body["door"], body["direction"])
    values = (
        body["epc"],
        body["from"],
        body["id"],
        body["confidence"],
        body.get("dwell_s"),
    )
    return MOVEMENT, tags, values


def _alert(body: dict[str, Any]) -> tuple[Measurement, tuple[str | None, ...], tuple[Any, ...]]:
    tags = (body["site"], body["rule"], body["severity"])
    return ALERT, tags, (body["state"], body["key"], body["id"])


_READ = {"movement": _movement, "alert": _alert}


def _time_ns(text: str) -> int:
    """Nanoseconds since the epoch, of a time with milliseconds."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text!r} has no offset")
    # Not by way of a float, which would be off by microseconds.
    return int(moment.replace(microsecond=0).timestamp()) * _NS_PER_S + moment.microsecond * 1_000
