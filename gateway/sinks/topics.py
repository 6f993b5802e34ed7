"""Where on the broker a record goes. Only harmless identifiers become levels of a topic."""

from __future__ import annotations

import orjson

from gateway.errors import Rejected
from gateway.model.delivery import Record

#: Octets in one level; MQTT allows 65,535 for the whole topic.
LEVEL_BYTES = 256

#: Wildcards, the separator and NUL: with one of these a name would be another topic.
_REFUSED = frozenset("+#/\0")


def topic_level(identifier: str) -> str:
    """The identifier itself, if it can be one level of a topic; else raises `Rejected`."""
    fault = None
    if not identifier or identifier.startswith("$"):
        fault = "it is empty or begins with $"
    elif any(c in _REFUSED or not c.isprintable() for c in identifier):
        fault = "it holds one of + # / or a control character"
    elif len(identifier.encode("utf-8", "replace")) > LEVEL_BYTES:
        fault = f"it is longer than {LEVEL_BYTES} octets"
    if fault is not None:
        raise Rejected(f"{identifier[:80]!r} cannot be part of an MQTT topic: {fault}")
    return identifier


def topic_of(prefix: str, record: Record) -> str:
    """The topic of a record, by the contract; raises `Rejected` if there can be none."""
    if record.kind == "movement":
        return f"{prefix}/movements"
    if record.kind == "passage":
        return f"{prefix}/passages/{topic_level(record.key)}"
    if record.kind == "alert":
        rule = _text_of(record, "rule")
        return f"{prefix}/alerts/{topic_level(rule)}"
    if record.kind == "message":
        return "/".join(map(topic_level, _text_of(record, "topic").split("/")))
    raise Rejected(f"there is no topic for records of kind {record.kind!r}")


def payload_of(record: Record) -> bytes:
    """What is published: the body, but of a message of a rule's action only its payload."""
    if record.kind != "message":
        return record.body
    payload = orjson.loads(record.body).get("payload")
    return payload.encode() if isinstance(payload, str) else orjson.dumps(payload)


def is_retained(record: Record) -> bool:
    """Whether the broker is to keep it: only where a rule's action asks for that."""
    return record.kind == "message" and orjson.loads(record.body).get("retain") is True


def live_topic(prefix: str, below: str) -> str:
    """The topic of a reader's or zone's state, given as `readers/<id>` or `zones/<id>`."""
    group, _, identifier = below.partition("/")
    return f"{prefix}/{topic_level(group)}/{topic_level(identifier)}"


def _text_of(record: Record, field: str) -> str:
    try:
        text = orjson.loads(record.body)[field]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        text = None
    if not isinstance(text, str):
        raise Rejected(f"the {record.kind} does not say its {field}")
    return text
