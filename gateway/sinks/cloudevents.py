"""CloudEvents 1.0: the envelope in which records travel over HTTP.

    {"specversion": "1.0", "id": "5a9c2c65-…", "source": "/rfid-gateway/dc-north",
     "type": "rfid-gateway.movement.v1", "subject": "3034257BF7194E4000001A85",
     "time": "2026-11-21T12:00:01.612Z", "datacontenttype": "application/json", "data": {…}}

`data` is the record's body, byte for byte. The same record gives the same bytes each time.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import orjson

from gateway.errors import Rejected
from gateway.model.delivery import Record

ONE = "application/cloudevents+json; charset=utf-8"
SEVERAL = "application/cloudevents-batch+json; charset=utf-8"

DEFAULT_TYPE_PREFIX = "rfid-gateway"
#: Namespace of ids of batches; never changes.
_BATCHES = uuid.UUID("0c1d5f0e-6c55-5b0a-8f6b-5a4f5b1e8a77")
#: Where a body says when it happened, in the order of preference.
_TIMES = ("event_time", "time", "record_time")


def default_source(site: str) -> str:
    """Who the events of a site come from, where nothing else is set."""
    return f"/rfid-gateway/{quote(site, safe='')}"


def event_id(record: Record, body: dict[str, Any]) -> str:
    """The id of a record's event: its own, but for what it says anew with an id already told.

    A retraction has the id of what it takes back, and an alert has one for all its changes;
    receivers that have seen an id would drop what comes with it again.
    """
    if body.get("status") == "retracted":
        return f"{record.id}/retracted"
    if record.kind == "alert":
        return f"{record.id}/{record.seq}"
    return record.id


def batch_id(ids: Sequence[str]) -> str:
    """The id of several events together."""
    return str(uuid.uuid5(_BATCHES, orjson.dumps(ids).decode()))


def read_body(record: Record) -> dict[str, Any]:
    """The JSON object of a record; raises `Rejected` when it has none."""
    try:
        body = orjson.loads(record.body)
    except orjson.JSONDecodeError as error:
        raise Rejected(f"its body is not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Rejected("its body is not a JSON object")
    return body


def envelope(record: Record, body: dict[str, Any], source: str, type_prefix: str) -> bytes:
    """The event of a record whose body was read."""
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": event_id(record, body),
        "source": source,
        "type": f"{type_prefix}.{record.kind}.v1",
    }
    if record.key:
        event["subject"] = record.key
    times = (body.get(key) for key in _TIMES)
    if time := next((t for t in times if isinstance(t, str) and t), None):
        event["time"] = time
    event["datacontenttype"] = "application/json"
    event["data"] = orjson.Fragment(record.body)
    return orjson.dumps(event)


def batch(events: Sequence[bytes]) -> bytes:
    """Several events as one JSON array."""
    return b"[" + b",".join(events) + b"]"
