"""The outbox as a sink sees it: pages of the journal, a cursor, and a place for what was refused.

There is no row per sink and record: a sink is a cursor into the store's journal (store/cursors.py).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.clock import Clock
from gateway.model.delivery import Record
from gateway.store import cursors, letters
from gateway.store.cursors import Joining
from gateway.store.database import Store
from gateway.store.operations import Operation
from gateway.store.queries import Page
from gateway.store.writer import Writer

#: Why a record is set aside that the disk has spoilt.
DAMAGED = "its body is damaged in the store"


class Queue:
    """Reads by a thread of its own, writes by the store's writer; for the event loop's thread."""

    def __init__(self, store: Store, writer: Writer, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._gap = cursors.Gap()
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")

    @property
    def newest(self) -> int:
        """The seq of the last record that was committed."""
        return self._writer.newest

    def now_us(self) -> int:
        """The time by the gateway's clock."""
        return self._clock.now_us()

    async def join(self, sinks: Sequence[Joining]) -> dict[str, int]:
        """These sinks and no others are configured; returns how far each has got."""
        now_us = self.now_us()

        def join(connection: sqlite3.Connection) -> dict[str, int]:
            self._gap = cursors.gap_of(connection)
            return cursors.join(connection, sinks, now_us)

        joined: dict[str, int] = await self._write(join)
        return joined

    def waiting(self, after: int) -> int:
        """How many records there are above the cursor `after`."""
        return self._gap.records(after, self.newest)

    async def page(self, sink: str, after: int, kinds: frozenset[str], limit: int) -> Page:
        """The next records for a sink; raises `sqlite3.Error` when the store cannot be read.

        These are records of the kinds that it takes, and whatever was meant for it by name.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self._page, sink, after, kinds, limit)

    async def settle(self, sink: str, upto: int, rejected: Mapping[Record, str]) -> None:
        """Everything up to `upto` is delivered or set aside; returns when that is durable."""
        now_us = self.now_us()

        def settle(connection: sqlite3.Connection) -> None:
            letters.add(connection, sink, rejected, now_us)
            cursors.advance(connection, sink, upto)

        await self._write(settle)

    async def wanted_again(self, sink: str, limit: int) -> list[Record]:
        """Dead letters that somebody wants to be tried again, in order."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self._wanted_again, sink, limit)

    async def settle_again(self, sink: str, record: Record, reason: str | None) -> None:
        """A dead letter was delivered after all, or refused once more with `reason`."""
        now_us = self.now_us()

        def settle(connection: sqlite3.Connection) -> None:
            if reason is None:
                letters.drop(connection, sink, (record.seq,))
            else:
                letters.refuse_again(connection, sink, record.seq, reason, now_us)

        await self._write(settle)

    def close(self) -> None:
        """End the reading thread."""
        self._reading.shutdown()

    def _page(self, sink: str, after: int, kinds: frozenset[str], limit: int) -> Page:
        with self._store.reading() as reader:
            return reader.page(after, kinds, limit, sink)

    def _wanted_again(self, sink: str, limit: int) -> list[Record]:
        with self._store.reading() as reader:
            return letters.marked(reader.connection, sink, limit)

    async def _write(self, operation: Operation) -> Any:
        return await asyncio.wrap_future(self._writer.run_soon(operation))
