"""The outbox as a sink sees it: pages of the journal, a cursor, and a place for what was refused.

There is no row per sink and record: a sink is a cursor into the store's journal. A new sink begins
at the journal's end. A sink that is no longer configured holds nothing back, but its cursor is
kept: should it come back, it goes on where it stopped, less what history has dropped meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from gateway.clock import Clock
from gateway.model.delivery import Record
from gateway.store.database import Store
from gateway.store.ids import packed
from gateway.store.queries import Page
from gateway.store.writer import Writer

logger = logging.getLogger(__name__)

#: Reasons of refusals are kept up to this length; they are other people's text.
REASON_CHARACTERS = 1_000


class Queue:
    """Reads by a thread of its own, writes by the store's writer; for the event loop's thread."""

    def __init__(self, store: Store, writer: Writer, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._reading = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")

    @property
    def newest(self) -> int:
        """The seq of the last record that was committed."""
        return self._writer.newest

    async def join(self, sinks: Iterable[str]) -> dict[str, int]:
        """These sinks and no others are configured; returns how far each has got."""
        names = tuple(sinks)
        future = self._writer.run_soon(lambda connection: _join(connection, names))
        cursors: dict[str, int] = await asyncio.wrap_future(future)
        return cursors

    async def page(self, sink: str, after: int, kinds: frozenset[str], limit: int) -> Page:
        """The next records for a sink; raises `sqlite3.Error` when the store cannot be read.

        These are records of the kinds that it takes, and whatever was meant for it by name.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self._page, sink, after, kinds, limit)

    async def settle(self, sink: str, upto: int, rejected: Mapping[Record, str]) -> None:
        """Everything up to `upto` is delivered or set aside; returns when that is durable."""
        now_us = self._clock.now_us()
        letters = [
            (sink, r.seq, r.kind, packed(r.id), r.key, reason[:REASON_CHARACTERS], now_us, r.body)
            for r, reason in rejected.items()
        ]
        future = self._writer.run_soon(lambda connection: _settle(connection, sink, upto, letters))
        await asyncio.wrap_future(future)

    def close(self) -> None:
        """End the reading thread."""
        self._reading.shutdown()

    def _page(self, sink: str, after: int, kinds: frozenset[str], limit: int) -> Page:
        with self._store.reading() as reader:
            return reader.page(after, kinds, limit, sink)


def _join(connection: sqlite3.Connection, names: tuple[str, ...]) -> dict[str, int]:
    cursors = dict(connection.execute("SELECT name, delivered FROM sink").fetchall())
    newest = _one(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'record'", 0)
    oldest = _one(connection, "SELECT min(seq) FROM record", newest + 1)
    connection.execute("UPDATE sink SET retired = 1")
    joined = {}
    for name in names:
        delivered = cursors.get(name, newest)
        if delivered < oldest - 1:
            logger.warning(
                "sink %s was away too long: %d records are no longer kept for it",
                name,
                oldest - 1 - delivered,
            )
        joined[name] = min(max(delivered, oldest - 1), newest)
        connection.execute(
            "INSERT INTO sink VALUES (?, ?, 0) "
            "ON CONFLICT (name) DO UPDATE SET delivered = excluded.delivered, retired = 0",
            (name, joined[name]),
        )
    return joined


def _settle(
    connection: sqlite3.Connection, sink: str, upto: int, letters: Sequence[tuple[object, ...]]
) -> None:
    connection.executemany(
        "INSERT INTO dead_letter (sink, seq, kind, id, key, reason, set_aside_us, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sink, seq) DO NOTHING",
        letters,
    )
    connection.execute(
        "UPDATE sink SET delivered = ? WHERE name = ? AND delivered < ?", (upto, sink, upto)
    )


def _one(connection: sqlite3.Connection, sql: str, otherwise: int) -> int:
    row = connection.execute(sql).fetchone()
    return otherwise if row is None or row[0] is None else int(row[0])
