"""An outbox for tests: store, writer and dispatchers, put together as the service does it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from gateway.clock import SystemClock
from gateway.model.delivery import Origin
from gateway.outbox.dispatcher import Sleep
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.store.database import Store, open_store
from gateway.store.letters import DeadLetter
from gateway.store.writer import Writer
from tests.outcomes import movement, outcome
from tests.scripted_sink import ScriptedSink
from tests.servers import eventually


class Outbox:
    """A store with its writer and dispatchers, put together as the service does it."""

    def __init__(self, path: Path) -> None:
        self.store: Store = open_store(path)
        self.dispatchers: Dispatchers | None = None
        self.writer = Writer(self.store, self._committed)
        self.queue = Queue(self.store, self.writer, SystemClock())
        self.writer.start()
        self._number = 0
        self.sleep: Sleep = asyncio.sleep

    def _committed(self, _: object) -> None:
        if self.dispatchers is not None:
            self.dispatchers.wake()

    @contextlib.asynccontextmanager
    async def serving(
        self, *sinks: ScriptedSink, origins: Mapping[str, Origin] | None = None
    ) -> AsyncIterator[Dispatchers]:
        """Dispatchers for these sinks, running."""
        self.dispatchers = dispatchers = Dispatchers(
            self.queue, sinks, origins=origins, sleep=self.sleep
        )
        task = asyncio.create_task(dispatchers.run())
        await eventually(lambda: len(dispatchers.statuses) == len(sinks) or task.done())
        try:
            yield dispatchers
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def append(self, count: int) -> list[str]:
        """Commit some movements; their ids, in order."""
        ids = []
        for _ in range(count):
            self._number += 1
            one = movement(self._number % 3, self._number)
            ids.append(one.id)
            self.writer.submit(outcome(self._number, [one]))
        return ids

    def dead_letters(self) -> list[DeadLetter]:
        with self.store.reading() as reader:
            return reader.dead_letters(0, 100)

    def close(self) -> None:
        self.writer.stop()
        self.queue.close()
        self.store.close()
