"""The sink `webhook`: events in order per key, signed, the same bytes at every try."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import orjson
import pytest

from gateway.errors import Hold, Rejected, Retry, SinkError
from gateway.model.delivery import Record, Secret, SinkConfig
from gateway.sinks.base import SinkContext
from gateway.sinks.signatures import Signer
from gateway.sinks.webhook import WebhookSink
from tests.http_peer import Answer, HttpPeer, Request
from tests.outcomes import epc_of, movement, passage

OLD = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
NEW = Secret("whsec_" + base64.b64encode(b"n" * 32).decode())
NOW_S = 1_732_203_600


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with HttpPeer() as peer:
        yield peer


Make = Callable[..., Awaitable[WebhookSink]]


@pytest.fixture
async def make(peer: HttpPeer, tmp_path: Path) -> AsyncIterator[Make]:
    """Opened sinks to the peer, which are closed after the test."""
    sinks: list[WebhookSink] = []

    async def make(**options: object) -> WebhookSink:
        given = {"url": peer.url, "allow": ["127.0.0.1"]} | options
        config = SinkConfig(name="wms", kind="webhook", options=given)
        context = SinkContext(site="dc-north", data_dir=tmp_path)
        sinks.append(WebhookSink(config, context, now_s=lambda: NOW_S + 0.9))
        await sinks[-1].open()
        return sinks[-1]

    yield make
    for sink in sinks:
        await sink.close()


def record(seq: int, tag: int = 1) -> Record:
    one = movement(tag, seq)
    return Record(seq=seq, kind="movement", id=one.id, key=epc_of(tag), body=one.to_json())


def ids(requests: list[Request]) -> list[str]:
    return [request.json["id"] for request in requests]


def answer_by_id(answers: dict[str, Answer]) -> Callable[[Request], Answer]:
    return lambda request: answers.get(request.headers["webhook-id"], Answer())


async def test_a_movement_is_a_cloudevent_with_the_body_byte_for_byte(
    peer: HttpPeer, make: Make
) -> None:
    sink = await make()
    assert await sink.deliver([record(1)]) == {}
    (request,) = peer.requests
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    body = orjson.loads(record(1).body)
    assert request.json == {
        "specversion": "1.0",
        "id": record(1).id,
        "source": "/rfid-gateway/dc-north",
        "type": "rfid-gateway.movement.v1",
        "subject": epc_of(1),
        "time": body["event_time"],
        "datacontenttype": "application/json",
        "data": body,
    }
    assert request.body.endswith(b'"data":' + record(1).body + b"}")


async def test_source_and_type_can_be_set(peer: HttpPeer, make: Make) -> None:
    sink = await make(source="https://dc.example", type_prefix="com.example.dc")
    one = Record(seq=1, kind="passage", id="p", key="door-1", body=passage(1).to_json())
    assert await sink.deliver([one]) == {}
    event = peer.requests[0].json
    assert event["source"] == "https://dc.example"
    assert event["type"] == "com.example.dc.passage.v1"
    assert event["subject"] == "door-1"


async def test_a_retraction_is_an_event_of_its_own(peer: HttpPeer, make: Make) -> None:
    told = record(1)
    withdrawn = Record(
        seq=2,
        kind="movement",
        id=told.id,
        key=told.key,
        body=told.body.replace(b'"confirmed"', b'"retracted"'),
    )
    sink = await make()
    await sink.deliver([told, withdrawn])
    assert ids(peer.requests) == [told.id, f"{told.id}/retracted"]
    assert [r.headers["webhook-id"] for r in peer.requests] == ids(peer.requests)


async def test_each_change_of_an_alert_is_an_event_of_its_own(peer: HttpPeer, make: Make) -> None:
    body = b'{"rule":"r","state":"firing","time":"2026-11-21T12:00:00.000Z"}'
    changes = [Record(seq=n, kind="alert", id="a", key="k", body=body) for n in (4, 9)]
    sink = await make(kinds=["alert"])
    await sink.deliver(changes)
    assert ids(peer.requests) == ["a/4", "a/9"]
    assert peer.requests[0].json["type"] == "rfid-gateway.alert.v1"


async def test_signatures_are_those_of_standard_webhooks(peer: HttpPeer, make: Make) -> None:
    sink = await make(secrets=[NEW, OLD])
    await sink.deliver([record(1)])
    (request,) = peer.requests
    assert request.headers["webhook-id"] == record(1).id
    assert request.headers["webhook-timestamp"] == str(NOW_S)
    signed = f"{record(1).id}.{NOW_S}.".encode() + request.body
    expected = [
        "v1,"
        + base64.b64encode(
            hmac.digest(base64.b64decode(key.reveal()[6:]), signed, hashlib.sha256)
        ).decode()
        for key in (NEW, OLD)
    ]
    assert request.headers["webhook-signature"].split(" ") == expected


def test_the_published_example_of_a_signature_is_ours() -> None:
    headers = Signer([OLD]).headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_without_a_secret_there_is_no_signature(peer: HttpPeer, make: Make) -> None:
    await (await make()).deliver([record(1)])
    assert "webhook-signature" not in peer.requests[0].headers


@pytest.mark.parametrize("text", ["", "short", "whsec_", "whsec_!!!", "whsec_" + "A" * 8])
async def test_a_secret_that_cannot_sign_is_told_without_showing_it(make: Make, text: str) -> None:
    with pytest.raises(SinkError, match="sink wms: a secret that signs is whsec_") as error:
        await make(secrets=[Secret(text)])
    assert len(text) < 7 or text not in str(error.value)


async def test_id_and_bytes_are_the_same_at_every_try(peer: HttpPeer, make: Make) -> None:
    peer.script.extend([Answer(503), Answer(None), Answer(500, body=b"oops")])
    sink = await make(secrets=[NEW])
    for _ in range(3):
        with pytest.raises(Retry):
            await sink.deliver([record(1)])
    assert await sink.deliver([record(1)]) == {}
    assert len({(r.body, r.headers["webhook-id"]) for r in peer.requests}) == 1
    assert len(peer.requests) == 4


async def test_records_of_one_key_never_overtake_each_other(peer: HttpPeer, make: Make) -> None:
    under_way = most = 0
    open_keys: set[str] = set()

    async def slow(request: Request) -> Answer:
        nonlocal under_way, most
        key = request.json["subject"]
        assert key not in open_keys
        open_keys.add(key)
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.002)
        under_way -= 1
        open_keys.discard(key)
        return Answer()

    peer.rule = slow
    sink = await make(parallel=8)
    batch = [record(n, tag=n % 10) for n in range(1, 101)]
    assert await sink.deliver(batch) == {}
    for tag in range(10):
        told = [r.json["id"] for r in peer.requests if r.json["subject"] == epc_of(tag)]
        assert told == [r.id for r in batch if r.key == epc_of(tag)]
    assert most > 1


async def test_one_after_the_other_when_that_is_asked_for(peer: HttpPeer, make: Make) -> None:
    sink = await make(parallel=1)
    batch = [record(n, tag=n % 3) for n in range(1, 10)]
    assert await sink.deliver(batch) == {}
    assert peer.connections == 1


async def test_a_refused_record_is_told_and_the_rest_goes_on(peer: HttpPeer, make: Make) -> None:
    batch = [record(n) for n in range(1, 6)]
    peer.rule = answer_by_id({batch[2].id: Answer(422, body=b'{"title":"no such SKU"}')})
    sink = await make()
    reasons = await sink.deliver(batch)
    assert list(reasons) == [3]
    assert reasons[3].endswith("422 Unprocessable Entity: no such SKU")
    assert ids(peer.requests) == [r.id for r in batch]


@pytest.mark.parametrize("body", [b"", b"not json", b"[1]", b'"x"', b'{"a": \xff}', b"{" * 9_999])
async def test_a_body_that_is_no_object_is_refused_here(
    peer: HttpPeer, make: Make, body: bytes
) -> None:
    broken = Record(seq=1, kind="movement", id="x", key="k", body=body)
    for options in ({}, {"batch": 10}):
        sink = await make(**options)
        assert list(await sink.deliver([broken, record(2)])) == [1]
    assert len(peer.requests) == 2


async def test_what_was_taken_before_a_failure_is_not_sent_again(
    peer: HttpPeer, make: Make
) -> None:
    batch = [record(n) for n in range(1, 6)]
    answers = {batch[1].id: Answer(400), batch[3].id: Answer(503, (("Retry-After", "7"),))}
    peer.rule = answer_by_id(answers)
    sink = await make()
    with pytest.raises(Retry, match="503") as failure:
        await sink.deliver(batch)
    assert failure.value.after_s == 7.0
    assert failure.value.progress
    with pytest.raises(Retry, match="503") as failure:
        await sink.deliver(batch)
    assert not failure.value.progress
    del answers[batch[3].id]
    assert list(await sink.deliver(batch)) == [2]
    told = ids(peer.requests)
    assert told == [r.id for r in (*batch[:4], batch[3], *batch[3:])]


async def test_a_server_that_refuses_us_holds_everything(peer: HttpPeer, make: Make) -> None:
    peer.rule = lambda _: Answer(401, body=b"who are you?")
    sink = await make(parallel=2)
    with pytest.raises(Hold, match=r"127\.0\.0\.1 answers 401 Unauthorized: who are you\?"):
        await sink.deliver([record(n, tag=n) for n in range(1, 50)])
    assert len(peer.requests) <= 2


async def test_several_events_in_one_request(peer: HttpPeer, make: Make) -> None:
    sink = await make(batch=50, secrets=[NEW])
    assert sink.max_batch == 50
    batch = [record(n) for n in range(1, 4)]
    assert await sink.deliver(batch) == {}
    (request,) = peer.requests
    assert request.headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert [event["id"] for event in request.json] == [r.id for r in batch]
    assert await sink.deliver(batch) == {}
    assert peer.requests[1].body == request.body
    assert peer.requests[1].headers["webhook-id"] == request.headers["webhook-id"]
    assert await sink.deliver(batch[:2]) == {}
    assert peer.requests[2].headers["webhook-id"] != request.headers["webhook-id"]


async def test_a_batch_that_is_refused_as_a_whole_is_left_to_be_halved(
    peer: HttpPeer, make: Make
) -> None:
    peer.rule = lambda request: Answer(400 if len(request.json) > 1 else 204)
    sink = await make(batch=50)
    with pytest.raises(Rejected, match="400"):
        await sink.deliver([record(1), record(2)])
    assert await sink.deliver([record(1)]) == {}


async def test_an_id_that_no_header_may_hold_is_escaped_there(peer: HttpPeer, make: Make) -> None:
    hostile = "a b\r\nX-Evil: 1\t\N{SNOWMAN}/é"
    one = Record(seq=1, kind="movement", id=hostile, key="k", body=record(1).body)
    await (await make(secrets=[NEW])).deliver([one])
    (request,) = peer.requests
    assert request.json["id"] == hostile
    assert request.headers["webhook-id"] == "a%20b%0D%0AX-Evil:%201%09%E2%98%83/%C3%A9"
    assert "x-evil" not in request.headers


async def test_it_can_be_opened_and_closed_again(peer: HttpPeer, make: Make) -> None:
    sink = await make()
    await sink.open()
    await sink.close()
    await sink.close()
    await sink.open()
    assert await sink.deliver([record(1)]) == {}
    assert len(peer.requests) == 1


async def test_unknown_options_are_told(make: Make) -> None:
    with pytest.raises(SinkError, match="no option 'secret'; did you mean 'secrets'"):
        await make(secret=NEW)
