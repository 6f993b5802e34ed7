"""The outbox of a running gateway, for people: what waits, what was set aside, what to do with it.

Called from the event loop; reading is done in threads, changes ride in the store's transactions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from gateway.outbox import upkeep
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.report import letter_json, sink_reports
from gateway.store.database import Store
from gateway.store.operations import Operation
from gateway.store.room import room
from gateway.store.writer import Writer


class RunningOutbox:
    """What the API offers of the outbox; raises `OutboxError` with a sentence."""

    def __init__(self, store: Store, writer: Writer, dispatchers: Dispatchers) -> None:
        self._store = store
        self._writer = writer
        self._dispatchers = dispatchers

    async def report(self) -> dict[str, Any]:
        """Every sink's queue, and how much room there is."""
        statuses = {status.name: status for status in self._dispatchers.statuses}

        def read() -> dict[str, Any]:
            with self._store.reading() as reader:
                sinks = [r.to_json() for r in sink_reports(reader.connection, statuses)]
                buffer = room(reader.connection, self._store.limit_bytes).to_json()
                return {"sinks": sinks, "buffer": buffer}

        return await asyncio.to_thread(read)

    async def dead_letters(self, sink: str | None, after: int, limit: int) -> list[dict[str, Any]]:
        """What was set aside (for one sink), in that order, after the one numbered `after`."""

        def read() -> list[dict[str, Any]]:
            with self._store.reading() as reader:
                if sink is not None:
                    upkeep.check_sink(reader.connection, sink)
                return [letter_json(d) for d in reader.dead_letters(after, limit, sink)]

        return await asyncio.to_thread(read)

    async def retry(self, sink: str, seqs: Sequence[int] | None) -> int:
        """Have dead letters (None: all) tried again, and the sink try now whatever it waits for."""
        marked: int = await self._write(lambda connection: upkeep.retry(connection, sink, seqs))
        self._dispatchers.hurry(sink)
        return marked

    async def drop(self, sink: str, seqs: Sequence[int] | None) -> int:
        """Remove dead letters (None: all) for good."""
        dropped: int = await self._write(lambda connection: upkeep.drop(connection, sink, seqs))
        return dropped

    async def _write(self, operation: Operation) -> Any:
        return await asyncio.wrap_future(self._writer.run_soon(operation))
