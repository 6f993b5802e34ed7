"""How an emulated reader takes clients, speaks versions, keeps links alive and lets go of them."""

from __future__ import annotations

import contextlib

import pytest

from gateway.errors import Unavailable
from gateway.llrp.codec import Message, Parameter
from gateway.simulation.personality import FIRST_EDITION, IMPINJ
from gateway.simulation.reader import EmulatedReader
from tests.servers import eventually
from tests.unit.simulation.raw_client import RawClient, code
from tests.unit.simulation.serving import EPCS, served


def keepalive(period_ms: int) -> list[Parameter]:
    fields = {"KeepaliveTriggerType": 1, "PeriodicTriggerValue": period_ms}
    return [Parameter("KeepaliveSpec", fields)]


async def test_the_first_message_says_that_the_connection_is_accepted() -> None:
    async with served() as (_, client):
        first = await client.next()
        assert first.name == "READER_EVENT_NOTIFICATION"
        data = first.first("ReaderEventNotificationData")
        assert data is not None
        names = [child.name for child in data.children]
        assert names == ["UTCTimestamp", "ConnectionAttemptEvent"]
        assert data.children[1].field("Status") == 0


async def test_a_second_client_is_refused_and_the_first_one_is_told() -> None:
    async with served() as (reader, client):
        await client.event("ConnectionAttemptEvent")
        async with await RawClient.connect(reader.port) as second:
            assert (await second.event("ConnectionAttemptEvent")).field("Status") == 2
            await second.closed()
        assert (await client.event("ConnectionAttemptEvent")).field("Status") == 4
        assert code(await client.ask("GET_ROSPECS")) == 0


async def test_a_new_client_is_taken_when_the_old_one_has_gone() -> None:
    async with served() as (reader, client):
        await client.ask("CLOSE_CONNECTION")
        await client.closed()
        await eventually(lambda: not reader.connected)
        async with await RawClient.connect(reader.port) as following:
            assert (await following.event("ConnectionAttemptEvent")).field("Status") == 0


async def test_closing_is_answered_before_the_connection_ends() -> None:
    async with served() as (_, client):
        assert code(await client.ask("CLOSE_CONNECTION")) == 0
        await client.closed()


async def test_refuse_next_refuses_one_client_for_another_reason() -> None:
    reader = EmulatedReader("reader-1", EPCS)
    reader.refuse_next()
    await reader.listen()
    try:
        async with await RawClient.connect(reader.port) as client:
            assert (await client.event("ConnectionAttemptEvent")).field("Status") == 3
            await client.closed()
        async with await RawClient.connect(reader.port) as client:
            assert (await client.event("ConnectionAttemptEvent")).field("Status") == 0
    finally:
        await reader.close()


async def test_version_1_1_is_offered_and_then_spoken() -> None:
    async with served() as (_, client):
        supported = await client.ask("GET_SUPPORTED_VERSION")
        assert (supported.field("CurrentVersion"), supported.field("SupportedVersion")) == (1, 2)
        assert code(await client.ask("SET_PROTOCOL_VERSION", ProtocolVersion=2)) == 0
        client.version = 2
        answer = await client.ask("GET_ROSPECS")
        assert (code(answer), answer.version) == (0, 2)


async def test_a_version_beyond_the_readers_is_refused() -> None:
    async with served() as (_, client):
        assert code(await client.ask("SET_PROTOCOL_VERSION", ProtocolVersion=3)) == 110
        client.version = 2
        answer = await client.ask("GET_ROSPECS")
        assert (answer.name, code(answer), answer.version) == ("ERROR_MESSAGE", 110, 2)


async def test_a_reader_of_the_first_edition_knows_no_versions() -> None:
    async with served(personality=FIRST_EDITION) as (_, client):
        answer = await client.ask("GET_SUPPORTED_VERSION")
        assert (answer.name, code(answer)) == ("ERROR_MESSAGE", 109)
        client.version = 2
        answer = await client.ask("GET_SUPPORTED_VERSION")
        assert (answer.name, code(answer)) == ("ERROR_MESSAGE", 110)


async def test_keepalives_come_at_the_period_that_was_asked_for() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", keepalive(20))
        for _ in range(5):
            beat = await client.next("KEEPALIVE")
            client.send(Message("KEEPALIVE_ACK", beat.id))
        assert reader.connected


async def test_a_client_that_never_answers_keepalives_is_cut_off() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", keepalive(10))
        await client.closed()
        await eventually(lambda: not reader.connected)
        beats = [m for m in client.seen if m.name == "KEEPALIVE"]
        assert len(beats) == 3


async def test_a_half_open_client_loses_its_place_by_keepalives() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", keepalive(20))
        reader.stall()
        await eventually(lambda: not reader.connected)
        async with await RawClient.connect(reader.port) as following:
            assert (await following.event("ConnectionAttemptEvent")).field("Status") == 0


async def test_drop_connection_ends_it_at_once() -> None:
    async with served() as (reader, client):
        await client.event("ConnectionAttemptEvent")
        reader.drop_connection()
        await client.closed()


async def test_truncate_next_ends_in_the_middle_of_a_message() -> None:
    async with served() as (reader, client):
        await client.event("ConnectionAttemptEvent")
        reader.truncate_next()
        client.send(Message("GET_ROSPECS", 1))
        data = await client.raw()
        assert int.from_bytes(data[2:6], "big") == len(data) + 5


async def test_send_garbage_sends_what_is_no_llrp() -> None:
    async with served() as (reader, client):
        await client.event("ConnectionAttemptEvent")
        reader.send_garbage(b"SSH-2.0-OpenSSH_9.6\r\n")
        reader.drop_connection()
        with contextlib.suppress(ConnectionResetError):  # what was not read goes with the reset
            assert (await client.raw()).startswith(b"SSH-2.0")


async def test_a_client_that_speaks_no_llrp_is_cut_off() -> None:
    async with served() as (reader, client):
        await client.event("ConnectionAttemptEvent")
        client.send_bytes(b"GET / HTTP/1.1\r\nHost: reader\r\n\r\n")
        await eventually(lambda: not reader.connected)


async def test_a_broken_request_is_answered_with_its_id() -> None:
    async with served() as (_, client):
        # ADD_ROSPEC with a parameter that claims to be longer than the message.
        client.send_bytes(bytes.fromhex("0414 0000000e 000004d2 00b1 0100"))
        answer = await client.next("ERROR_MESSAGE")
        assert (answer.id, code(answer)) == (1234, 100)
        assert code(await client.ask("GET_ROSPECS")) == 0


async def test_a_message_that_readers_do_not_answer_is_unsupported() -> None:
    async with served() as (_, client):
        client.send(Message("ADD_ROSPEC_RESPONSE", 7, children=[]))
        answer = await client.next("ERROR_MESSAGE")
        assert (answer.id, code(answer)) == (7, 109)


async def test_error_messages_are_never_answered() -> None:
    async with served() as (_, client):
        client.send(Message("ERROR_MESSAGE", 7, children=[]))
        await client.ask("GET_ROSPECS")
        assert not [m for m in client.seen if m.name == "ERROR_MESSAGE"]


async def test_only_an_impinj_reader_has_impinjs_extensions() -> None:
    async with served(personality=IMPINJ) as (_, client):
        answer = await client.ask("IMPINJ_ENABLE_EXTENSIONS")
        assert answer.name == "IMPINJ_ENABLE_EXTENSIONS_RESPONSE"
        assert code(answer) == 0
    async with served() as (_, client):
        answer = await client.ask("IMPINJ_ENABLE_EXTENSIONS")
        assert (answer.name, code(answer)) == ("ERROR_MESSAGE", 109)


async def test_a_port_that_is_taken_is_told_in_one_sentence() -> None:
    async with served() as (reader, _):
        with pytest.raises(Unavailable, match=rf"cannot listen on 127.0.0.1:{reader.port}"):
            await EmulatedReader("other", EPCS).listen(port=reader.port)


async def test_a_reader_that_was_closed_listens_again_at_its_port() -> None:
    reader = EmulatedReader("reader-1", EPCS)
    await reader.listen()
    port = reader.port
    await reader.close()
    await reader.listen()
    try:
        assert reader.port == port
        async with await RawClient.connect(port) as client:
            await client.event("ConnectionAttemptEvent")
    finally:
        await reader.close()


async def test_many_requests_in_one_piece_are_answered_in_order() -> None:
    async with served() as (_, client):
        for number in range(50):
            client.send(Message("GET_ROSPECS", number))
        answers = [await client.next("GET_ROSPECS_RESPONSE") for _ in range(50)]
        assert [a.id for a in answers] == list(range(50))


async def test_closing_a_reader_leaves_nothing_behind() -> None:
    async with served() as (reader, client):
        await client.ask("SET_READER_CONFIG", keepalive(10_000))
        await reader.close()
        assert not reader.connected
