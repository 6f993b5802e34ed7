"""Topics by the contract; no identifier ever makes another topic than its own."""

from __future__ import annotations

import orjson
import pytest

from gateway.errors import Rejected
from gateway.model.delivery import Record
from gateway.sinks.topics import (
    LEVEL_BYTES,
    is_retained,
    live_topic,
    payload_of,
    topic_level,
    topic_of,
)


def record(kind: str, key: str = "k", body: bytes = b"{}") -> Record:
    return Record(seq=1, kind=kind, id="i", key=key, body=body)


def test_records_go_where_the_contract_says() -> None:
    assert topic_of("rfid/dc", record("movement", "30 any/key+#")) == "rfid/dc/movements"
    assert topic_of("rfid/dc", record("passage", "door-1")) == "rfid/dc/passages/door-1"
    assert topic_of("p", record("alert", "a", b'{"rule":"late"}')) == "p/alerts/late"


def test_states_go_below_readers_and_zones() -> None:
    assert live_topic("p", "readers/dock-1") == "p/readers/dock-1"
    assert live_topic("p", "zones/Regal Süd 3") == "p/zones/Regal Süd 3"


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "a/b",
        "../status",
        "+",
        "#",
        "door+",
        "door#",
        "$SYS",
        "$share",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\u2028b",
        "\u202etxt",
        "\ud800",
        "x" * (LEVEL_BYTES + 1),
        "é" * LEVEL_BYTES,
    ],
)
def test_hostile_identifiers_are_refused_with_words(hostile: str) -> None:
    with pytest.raises(Rejected, match="cannot be part of an MQTT topic"):
        topic_level(hostile)
    with pytest.raises(Rejected):
        topic_of("p", record("passage", hostile))
    with pytest.raises(Rejected):
        live_topic("p", f"zones/{hostile}")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"rule":5}', b'{"rule":"a/b"}', b"\xff"])
def test_alerts_without_a_usable_rule_are_refused(body: bytes) -> None:
    with pytest.raises(Rejected):
        topic_of("p", record("alert", "k", body))


def test_unknown_kinds_have_no_topic() -> None:
    with pytest.raises(Rejected, match="no topic for records of kind 'gossip'"):
        topic_of("p", record("gossip"))


def test_a_message_of_a_rule_goes_where_it_says_with_nothing_but_its_payload() -> None:
    body = b'{"sink": "plant", "topic": "dock/1/light", "payload": "on", "retain": true}'
    message = record("message", body=body)
    assert topic_of("rfid/dc", message) == "dock/1/light"
    assert payload_of(message) == b"on"
    assert is_retained(message)
    plain = record("message", body=b'{"topic":"a","payload":{"n":1}}')
    assert payload_of(plain) == b'{"n":1}'
    assert not is_retained(plain)


@pytest.mark.parametrize("topic", ["a/#", "", "a//b", "$SYS/x", "a/+/b", 7, None])
def test_a_message_without_a_harmless_topic_is_refused(topic: object) -> None:
    body = orjson.dumps({"topic": topic, "payload": "on"})
    with pytest.raises(Rejected):
        topic_of("rfid/dc", record("message", body=body))
