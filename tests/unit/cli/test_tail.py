"""`rfid-gateway tail`, against a real server on loopback that comes and goes."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.api.server import listen, serve
from gateway.cli.tail import EventReader, ServerEvent
from gateway.model.movement import Status
from tests.servers import eventually, free_port
from tests.unit.api.serving import Gateway, new_gateway, served
from tests.unit.cli.running import end, run, start
from tests.unit.live.world import SGTIN, movement, outcome, passage


@asynccontextmanager
async def _tailing(gateway: Gateway, *arguments: str) -> AsyncIterator[Process]:
    before = gateway.streams.count
    process = await start("tail", *arguments)
    try:
        await eventually(lambda: gateway.streams.count > before, 10)
        yield process
    finally:
        await end(process)


async def _line(process: Process, *, of_errors: bool = False) -> str:
    stream = process.stderr if of_errors else process.stdout
    assert stream is not None
    async with asyncio.timeout(15):
        return (await stream.readline()).decode().rstrip("\n")


async def test_movements_are_printed_as_they_happen() -> None:
    gateway = new_gateway(SGTIN)
    async with (
        served(gateway) as client,
        _tailing(gateway, "--api", str(client.base_url)) as process,
    ):
        gateway.live.apply(outcome(provisional=[movement(status=Status.PROVISIONAL)]))
        gateway.move()
        line = await _line(process)
    epc = SGTIN.hex().upper()
    assert line == f"2024-11-21 15:40:00  {epc}  staging-1 → yard  out through door-1  99.4%"


async def test_provisional_movements_come_when_asked_for_and_say_so() -> None:
    gateway = new_gateway(SGTIN)
    async with (
        served(gateway) as client,
        _tailing(gateway, "--provisional", "--api", str(client.base_url)) as process,
    ):
        gateway.live.apply(outcome(provisional=[movement(status=Status.PROVISIONAL)]))
        assert (await _line(process)).endswith("(provisional)")


async def test_loads_come_when_asked_for_and_say_why() -> None:
    gateway = new_gateway(SGTIN)
    options = ("--passages", "--provisional", "--why")
    async with (
        served(gateway) as client,
        _tailing(gateway, *options, "--api", str(client.base_url)) as process,
    ):
        forming = passage(status=Status.PROVISIONAL)
        gateway.live.apply(outcome(provisional_passages=[forming], passages=[passage()]))
        words = "door-1 out, 1 tag, 2024-11-21 15:40:00 to 2024-11-21 15:40:00, 99.0 % sure"
        at = "2024-11-21 15:40:00"
        assert await _line(process) == f"{at}  not yet certain: {words}"
        assert await _line(process) == f"{at}  {words}"
        gateway.move()
        assert (await _line(process)).startswith(f"{at}  {SGTIN.hex().upper()}")
        assert (await _line(process)).startswith("    door-1 out (staging-1 to yard) at")


async def test_programs_get_the_movement_as_it_was_told() -> None:
    gateway = new_gateway(SGTIN)
    async with served(gateway) as client:
        options = ("--json", "--zone", "yard", "--api", str(client.base_url))
        async with _tailing(gateway, *options) as process:
            gateway.move(SGTIN, 3)
            assert json.loads(await _line(process)) == json.loads(movement(SGTIN, 3).to_json())


async def test_it_waits_for_a_gateway_that_goes_away_and_misses_nothing() -> None:
    gateway, port = new_gateway(SGTIN), free_port()
    url = f"http://127.0.0.1:{port}"
    async with AsyncExitStack() as stack:
        async with serve(gateway.app, listen("127.0.0.1", port), gateway.streams):
            process = await stack.enter_async_context(_tailing(gateway, "--json", "--api", url))
            gateway.move(SGTIN, 1)
            assert json.loads(await _line(process))["seq"] == 1
        away = await _line(process, of_errors=True)
        assert away == f"The gateway at {url} is away; waiting for it."
        gateway.move(SGTIN, 2)
        async with serve(gateway.app, listen("127.0.0.1", port), gateway.streams):
            assert json.loads(await _line(process))["seq"] == 2
            assert await _line(process, of_errors=True) == "The gateway is back."


async def test_a_gateway_that_was_started_anew_may_have_told_things_meanwhile() -> None:
    port = free_port()
    first, second = new_gateway(SGTIN), new_gateway(SGTIN)
    async with AsyncExitStack() as stack:
        async with serve(first.app, listen("127.0.0.1", port), first.streams):
            tailing = _tailing(first, "--api", f"127.0.0.1:{port}")
            process = await stack.enter_async_context(tailing)
            for seq in range(1, 4):
                first.move(SGTIN, seq)
            for _ in range(3):
                assert await _line(process)
        async with serve(second.app, listen("127.0.0.1", port), second.streams):
            said = [await _line(process, of_errors=True) for _ in range(3)]
            assert "missed" in said[2]
            second.move(SGTIN, 9)
            assert "yard" in await _line(process)


async def test_without_a_gateway_it_does_not_begin() -> None:
    said = await run("tail", "--api", f"http://127.0.0.1:{free_port()}")
    assert (said.code, said.out) == (1, "")
    assert "No gateway answers" in said.err


async def test_a_wrong_zone_ends_it_with_a_sentence() -> None:
    async with served(new_gateway()) as client:
        said = await run("tail", "--zone", "yad", "--api", str(client.base_url))
    assert (said.code, said.err) == (1, "There is no zone 'yad'. Did you mean 'yard'?\n")


def test_server_sent_events_are_read_as_the_standard_says() -> None:
    reader = EventReader()
    lines = [
        b": a comment\r\n",
        b"retry: 2000\n",
        b"\n",
        b"id: 7\n",
        b"\n",
        b"id:8\n",
        b"event: movement\n",
        b"data: one\n",
        b"data:two\n",
        b"unknown: x\n",
        b"\n",
        b"data: usual\n",
        b"\n",
        b"data: cut off",
    ]
    found = list(reader.events(iter(lines)))
    assert found == [ServerEvent("movement", "one\ntwo"), ServerEvent("message", "usual")]
    assert reader.last_id == "8"


async def test_the_stream_of_another_server_is_refused() -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        said = await run("tail", "--api", f"http://127.0.0.1:{port}")
    assert (said.code, "is no rfid-gateway" in said.err) == (1, True)
