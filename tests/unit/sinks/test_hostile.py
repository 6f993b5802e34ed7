"""The hostile corpus through every sink: the same bytes arrive, and nothing else does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from gateway.errors import Rejected
from gateway.model import epc
from gateway.model.delivery import BrokerConfig, Record, Sink, SinkConfig
from gateway.model.epc_elements import check_key, parse_digital_link
from gateway.model.place import Site
from gateway.sinks.base import SinkContext
from gateway.sinks.registry import build
from gateway.sinks.topics import topic_level
from tests.epcis_schema import assert_valid
from tests.hostile import EPCS, TEXTS, movements, passages
from tests.http_peer import HttpPeer, Request
from tests.mqtt_peer import MqttPeer
from tests.servers import Mosquitto, eventually

_EVERY_EVENT_HAS = {"type", "eventID", "eventTime", "eventTimeZoneOffset", "action"}
_WHAT_AND_WHERE = {
    "epcList", "disposition", "bizStep", "readPoint", "bizLocation", "sourceList",
    "destinationList",
}  # fmt: skip


def test_the_corpus_is_large_and_of_every_kind() -> None:
    assert len(set(TEXTS)) + len(set(EPCS)) >= 500
    assert len(set(TEXTS)) == len(TEXTS) >= 400
    assert len(set(EPCS)) == len(EPCS) >= 100


def sink(kind: str, folder: Path, broker: BrokerConfig | None = None, **options: object) -> Sink:
    config = SinkConfig(name="s", kind=kind, options=options)
    context = SinkContext(site="s", data_dir=folder, broker=broker, layout=Site(id="s"))
    return build([config], context)[0]


async def deliver(to: Sink, records: Sequence[Record]) -> dict[int, str]:
    """Everything, page by page."""
    refused: dict[int, str] = {}
    await to.open()
    try:
        for start in range(0, len(records), to.max_batch):
            refused |= await to.deliver(records[start : start + to.max_batch])
    finally:
        await to.close()
    return refused


async def test_file_has_one_line_for_each_record_byte_for_byte(tmp_path: Path) -> None:
    records = movements() + passages()
    to = sink("file", tmp_path, path="out.jsonl", kinds=["movement", "passage"])
    assert await deliver(to, records) == {}
    raw = (tmp_path / "out.jsonl").read_bytes()
    assert raw == b"".join(record.body + b"\n" for record in records)
    assert len(raw.splitlines()) == raw.count(b"\n") == len(records)


def data_of(event: bytes) -> bytes:
    """What stands in an event's `data`, as it came."""
    return event.partition(b'"datacontenttype":"application/json","data":')[2][:-1]


async def test_webhook_has_one_event_for_each_record_byte_for_byte(tmp_path: Path) -> None:
    records = movements() + passages()
    async with HttpPeer() as peer:
        kinds = ["movement", "passage"]
        to = sink("webhook", tmp_path, url=peer.url, allow=["127.0.0.1"], kinds=kinds)
        assert await deliver(to, records) == {}
    seen: dict[str, list[bytes]] = {"movement": [], "passage": []}
    names = {frozenset(request.headers) for request in peer.requests}
    assert len(names) == 1, "some request has a header that the others have not"
    for request in peer.requests:
        event = request.json
        optional = {"subject"} & event.keys()
        assert event.keys() - optional == {
            "specversion", "id", "source", "type", "time", "datacontenttype", "data",
        }  # fmt: skip
        assert (request.target, unquote(request.headers["webhook-id"])) == ("/hook", event["id"])
        seen[event["type"].split(".")[1]].append(data_of(request.body))
    for kind, bodies in seen.items():
        assert sorted(bodies) == sorted(record.body for record in records if record.kind == kind)


async def test_webhook_batches_have_every_event_in_order(tmp_path: Path) -> None:
    records = movements()
    async with HttpPeer() as peer:
        to = sink("webhook", tmp_path, url=peer.url, allow=["127.0.0.1"], batch=50)
        assert await deliver(to, records) == {}
    events = [event for request in peer.requests for event in request.json]
    assert [event["data"] for event in events] == [orjson.loads(r.body) for r in records]
    assert [event["id"] for event in events] == [r.id for r in records]


def read_place(uri: str) -> str:
    assert uri.startswith("urn:rfid-gateway:s:")
    return unquote(uri.removeprefix("urn:rfid-gateway:s:"))


def read_tag(uri: str) -> set[bytes]:
    """The tags that a URI of an event may stand for."""
    if uri.startswith("urn:epc:raw:"):
        return {bytes.fromhex(uri.partition(".x")[2])}
    if uri.startswith("https://"):
        elements = check_key(uri, parse_digital_link(uri))
        return {tag for tag in EPCS if (found := epc.decode(tag)) and found.elements == elements}
    return {tag for tag in EPCS if epc.uri(tag) == uri}


@pytest.mark.parametrize("identifiers", ["digital-link", "urn"])
async def test_epcis_has_one_valid_event_for_each_record_with_nothing_added(
    tmp_path: Path, identifiers: str
) -> None:
    records = movements()
    async with HttpPeer() as peer:
        to = sink(
            "epcis", tmp_path, url=peer.url, allow=["127.0.0.1"], identifiers=identifiers
        )  # fmt: skip
        assert await deliver(to, records) == {}
    events = [event for request in peer.requests for event in read_document(request)]
    assert len(events) == len(records)
    for event, record in zip(events, records, strict=True):
        body = orjson.loads(record.body)
        assert _EVERY_EVENT_HAS <= event.keys() <= _EVERY_EVENT_HAS | _WHAT_AND_WHERE
        (uri,) = event["epcList"]
        tags = read_tag(uri) or {bytes.fromhex(body["epc"])}
        assert bytes.fromhex(body["epc"]) in tags
        assert read_place(event["readPoint"]["id"]) in (body["door"], body["to"])
        if "bizLocation" in event:
            assert read_place(event["bizLocation"]["id"]) == body["to"]


def read_document(request: Request) -> list[dict[str, Any]]:
    document = request.json
    assert_valid(document)
    assert document.keys() == {
        "@context", "type", "schemaVersion", "creationDate", "epcisBody",
    }  # fmt: skip
    assert document["@context"] == [
        "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
    ]
    events: list[dict[str, Any]] = document["epcisBody"]["eventList"]
    return events


async def test_epcis_passages_have_every_tag_once(tmp_path: Path) -> None:
    async with HttpPeer() as peer:
        to = sink("epcis", tmp_path, url=peer.url, allow=["127.0.0.1"], kinds=["passage"])
        assert await deliver(to, passages()) == {}
    first, *others = [event for request in peer.requests for event in read_document(request)]
    assert len(others) == len(TEXTS) - 1
    assert len(first["epcList"]) == len(set(first["epcList"]))
    told = set().union(*(read_tag(uri) for uri in first["epcList"]))
    assert set(EPCS) <= told


@pytest.mark.server
async def test_mqtt_has_no_topic_but_those_of_the_contract(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    broker = BrokerConfig(port=mosquitto.port, prefix="rfid/s")
    good = [record for record in passages() if is_level(record.key)]
    with MqttPeer(mosquitto.port, "#", client_id="observer") as peer:
        to = sink("mqtt", tmp_path, broker)
        refused = await deliver(to, movements())
        assert refused == {}
        refused = await deliver(sink("mqtt", tmp_path, broker), passages())
        assert len(good) + len(refused) == len(TEXTS)
        expected = [("rfid/s/movements", record.body) for record in movements()]
        expected += [(f"rfid/s/passages/{record.key}", record.body) for record in good]
        await eventually(lambda: len(told(peer)) >= len(expected))
        await asyncio.sleep(0.1)
    assert told(peer) == expected
    assert len(good) > 100


def told(peer: MqttPeer) -> list[tuple[str, bytes]]:
    """What came on which topic; but for the gateway's own presence."""
    messages = [(message.topic, bytes(message.payload)) for message in peer.messages]
    return [message for message in messages if message[0] != "rfid/s/status"]


def is_level(text: str) -> bool:
    try:
        topic_level(text)
    except Rejected:
        return False
    return True
