"""A plain LLRP client for tests of the emulator: requests, answers, and nothing by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Self

from gateway.llrp.codec import Message, Parameter, decode, encode
from gateway.llrp.framing import Framer

DEADLINE_S = 5.0
EVERYTHING = {
    "EnableROSpecID": 1,
    "EnableSpecIndex": 1,
    "EnableInventoryParameterSpecID": 1,
    "EnableAntennaID": 1,
    "EnableChannelIndex": 1,
    "EnablePeakRSSI": 1,
    "EnableFirstSeenTimestamp": 1,
    "EnableLastSeenTimestamp": 1,
    "EnableTagSeenCount": 1,
    "EnableAccessSpecID": 1,
}


class RawClient:
    """One connection. `seen` keeps everything that came in, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._framer = Framer()
        self._last_id = 0
        self.version = 1
        self.seen: list[Message] = []
        self._unread: list[Message] = []

    @classmethod
    async def connect(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def send(self, message: Message) -> None:
        self._writer.write(encode(message))

    def send_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    async def ask(
        self, name: str, children: list[Parameter] | None = None, **fields: Any
    ) -> Message:
        """Send a request and return the message that answers it."""
        self._last_id += 1
        number = self._last_id
        self.send(Message(name, number, self.version, fields, children or []))
        answers = (f"{name}_RESPONSE", "ERROR_MESSAGE")
        return await self.until(lambda m: m.name in answers and m.id == number)

    async def next(self, *names: str) -> Message:
        """The next message, of one of these names if any are given."""
        return await self.until(lambda m: not names or m.name in names)

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The first unread message that is wanted; the others before it count as read."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                while self._unread:
                    message = self._unread.pop(0)
                    if wanted(message):
                        return message
                await self._receive()

    async def closed(self) -> None:
        """Wait for the end of the connection."""
        with contextlib.suppress(EOFError, ConnectionResetError):
            await self.until(lambda _: False)

    async def raw(self) -> bytes:
        """Bytes as they come, until the end."""
        data = b""
        async with asyncio.timeout(DEADLINE_S):
            while chunk := await self._reader.read(65536):
                data += chunk
        return data

    async def tags(self, count: int) -> list[Parameter]:
        """The next `count` TagReportData."""
        found: list[Parameter] = []
        while len(found) < count:
            found += (await self.next("RO_ACCESS_REPORT")).all("TagReportData")
        return found

    async def event(self, name: str) -> Parameter:
        """The next event of that name."""

        def data(message: Message) -> Parameter | None:
            inner = message.first("ReaderEventNotificationData")
            return inner.first(name) if inner is not None else None

        message = await self.until(lambda m: data(m) is not None)
        found = data(message)
        assert found is not None
        return found

    async def inventory(self, spec: Parameter | None = None, number: int = 1) -> None:
        """Add and enable a ROSpec."""
        assert code(await self.ask("ADD_ROSPEC", [spec or ro_spec(number)])) == 0
        assert code(await self.ask("ENABLE_ROSPEC", ROSpecID=number)) == 0

    async def _receive(self) -> None:
        data = await self._reader.read(65536)
        if not data:
            raise EOFError("the reader has closed the connection")
        messages = [decode(frame) for frame in self._framer.feed(data)]
        self.seen += messages
        self._unread += messages


def code(message: Message) -> int:
    """The status code of an answer."""
    status = message.first("LLRPStatus")
    assert status is not None, message
    return int(status.field("StatusCode"))


def ro_spec(
    number: int = 1,
    *,
    start: int = 1,
    duration_ms: int = 0,
    antennas: tuple[int, ...] = (0,),
    content: dict[str, int] | None = None,
    trigger: int = 1,
    n: int = 1,
    more: tuple[Parameter, ...] = (),
    configurations: tuple[Parameter, ...] = (),
) -> Parameter:
    """A ROSpec; `more` goes into its report spec, `configurations` into its inventory."""
    selector = Parameter("TagReportContentSelector", EVERYTHING if content is None else content)
    return Parameter(
        "ROSpec",
        {"ROSpecID": number, "Priority": 0, "CurrentState": 0},
        [
            Parameter(
                "ROBoundarySpec",
                {},
                [
                    Parameter("ROSpecStartTrigger", {"ROSpecStartTriggerType": start}),
                    Parameter(
                        "ROSpecStopTrigger",
                        {
                            "ROSpecStopTriggerType": 1 if duration_ms else 0,
                            "DurationTriggerValue": duration_ms,
                        },
                    ),
                ],
            ),
            Parameter(
                "AISpec",
                {"AntennaIDs": list(antennas)},
                [
                    Parameter(
                        "AISpecStopTrigger", {"AISpecStopTriggerType": 0, "DurationTrigger": 0}
                    ),
                    Parameter(
                        "InventoryParameterSpec",
                        {"InventoryParameterSpecID": 9, "ProtocolID": 1},
                        list(configurations),
                    ),
                ],
            ),
            Parameter("ROReportSpec", {"ROReportTrigger": trigger, "N": n}, [selector, *more]),
        ],
    )
