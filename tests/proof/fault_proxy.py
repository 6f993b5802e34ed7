"""A line between two programs that fails as a seed says: the same seed, the same failures.

    with FaultProxy(port_of_the_peer, seed=7) as line:
        …                   # connect to line.port
        line.heal()         # from now on everything is forwarded

What happens to a connection depends on the seed and on its number alone (`fate_of`):

    whole       forwarded
    delay       everything arrives late
    slow        a few octets at a time
    reset       ended hard after so many octets
    truncated   ended in good order after so many octets, in the middle of a message
    half-open   after so many octets nothing arrives any more, and nobody says so
    refused     ended as soon as it is there
    doubled     another connection is made to the peer first, and left open
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

FAULTS = ("whole", "delay", "slow", "reset", "truncated", "half-open", "refused", "doubled")
CHUNK = 1 << 14
#: A half-open connection is kept for so long, or until the line is healed.
SILENT_S = 20.0
LINGER_NONE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fate:
    """What a connection meets; `after` octets from the peer, the fault begins."""

    fault: str
    after: int
    delay_s: float


def fate_of(seed: int, number: int) -> Fate:
    """The fate of a line's `number`-th connection."""
    rng = random.Random(f"{seed}/{number}")
    return Fate(
        fault=rng.choice(FAULTS),
        after=int(rng.expovariate(1 / 400.0)),
        delay_s=rng.uniform(0.01, 0.3),
    )


class FaultProxy:
    """One port before one peer; use it as a context. `fates` are those met so far."""

    def __init__(self, peer_port: int, seed: int) -> None:
        self.fates: list[Fate] = []
        self.port = 0
        self._peer_port, self._seed = peer_port, seed
        self._loop = asyncio.new_event_loop()
        self._healed = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="fault proxy", daemon=True)
        self._listening = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def heal(self) -> None:
        """End what is failing; connections to come are whole."""
        self._loop.call_soon_threadsafe(self._heal)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._listening.wait(10.0)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._listening.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._close())
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _heal(self) -> None:
        self._healed.set()
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        fate = Fate("whole", 0, 0.0)
        if not self._healed.is_set():
            fate = fate_of(self._seed, len(self.fates))
            self.fates.append(fate)
        try:
            await self._carry(fate, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            _reset(writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _carry(
        self, fate: Fate, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if fate.fault == "refused":
            _reset(writer)
            return
        async with contextlib.AsyncExitStack() as stack:
            if fate.fault == "doubled":
                await stack.enter_async_context(self._to_peer())
            peer_reader, peer_writer = await stack.enter_async_context(self._to_peer())
            forth = asyncio.create_task(_pump(reader, peer_writer))
            back = asyncio.create_task(self._back(fate, peer_reader, writer))
            try:
                await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                forth.cancel()
                back.cancel()
                await asyncio.gather(forth, back, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _to_peer(self):  # type: ignore[no-untyped-def]
        reader, writer = await asyncio.open_connection("127.0.0.1", self._peer_port)
        try:
            yield reader, writer
        finally:
            writer.close()

    async def _back(
        self, fate: Fate, peer: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """From the peer to the program, until the fault ends it."""
        carried = 0
        while data := await peer.read(7 if fate.fault == "slow" else CHUNK):
            if fate.fault == "delay":
                await asyncio.sleep(fate.delay_s)
            elif fate.fault == "slow":
                await asyncio.sleep(fate.delay_s / 30)
            elif fate.fault in ("reset", "truncated", "half-open"):
                data = data[: max(0, fate.after - carried)]
            writer.write(data)
            await writer.drain()
            carried += len(data)
            if fate.fault in ("reset", "truncated", "half-open") and carried >= fate.after:
                if fate.fault == "half-open":
                    await asyncio.sleep(SILENT_S)
                if fate.fault != "truncated":
                    _reset(writer)
                return


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End it hard, with nothing left of it in the system."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NONE)
    writer.transport.abort()
