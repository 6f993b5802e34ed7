"""All dispatchers together: one task per sink, woken by commits, none waiting for another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

from gateway.model.delivery import Origin, Sink
from gateway.outbox.dispatcher import Dispatcher, SinkStatus, Sleep
from gateway.outbox.queue import Queue
from gateway.store.cursors import Joining


class Dispatchers:
    """`run` until cancelled; `wake` from any thread after each commit."""

    def __init__(
        self,
        queue: Queue,
        sinks: Sequence[Sink],
        *,
        origins: Mapping[str, Origin] | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._queue = queue
        self._sinks = sinks
        self._origins = origins or {}
        self._sleep = sleep
        self._running: list[Dispatcher] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken_for = -1

    @property
    def statuses(self) -> list[SinkStatus]:
        """How each sink is, in the order of the settings; empty until they have started."""
        return [dispatcher.status for dispatcher in self._running]

    async def run(self) -> None:
        """Deliver to every sink until cancelled."""
        cursors = await self._queue.join([self._joining(sink) for sink in self._sinks])
        self._loop = asyncio.get_running_loop()
        self._running = [
            Dispatcher(self._queue, sink, cursors[sink.name], sleep=self._sleep)
            for sink in self._sinks
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for sink, dispatcher in zip(self._sinks, self._running, strict=True):
                    group.create_task(dispatcher.run(), name=f"sink {sink.name}")
                await asyncio.Event().wait()  # also where there is no sink
        finally:
            self._loop = None

    def wake(self) -> None:
        """Something was committed: have the dispatchers look, if there are new records."""
        newest, loop = self._queue.newest, self._loop
        if newest == self._woken_for or loop is None:
            return
        self._woken_for = newest
        with contextlib.suppress(RuntimeError):  # the loop has just ended
            loop.call_soon_threadsafe(self._wake_all)

    def hurry(self, sink: str) -> bool:
        """Have a sink try now; False if it is not configured."""
        for dispatcher in self._running:
            if dispatcher.status.name == sink:
                dispatcher.hurry()
                return True
        return False

    async def drained(self, timeout_s: float) -> bool:
        """Wait until every sink has taken everything, at most `timeout_s`; whether that is so."""
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + timeout_s
        while any(status.pending for status in self.statuses):
            if loop.time() >= ends_at_s:
                return False
            await asyncio.sleep(0.02)
        return True

    def _joining(self, sink: Sink) -> Joining:
        origin = self._origins.get(sink.name, Origin())
        return Joining(
            name=sink.name,
            kinds=sink.kinds,
            was=origin.was,
            from_beginning=origin.from_beginning,
        )

    def _wake_all(self) -> None:
        for dispatcher in self._running:
            dispatcher.wake()
