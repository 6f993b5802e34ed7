"""Cursors: how far each sink has got in the journal, and what happens when sinks come and go.

There is no row per sink and record, so nothing that is done to one sink touches another's queue.

    added     begins now, or at the oldest record there is when it asks for that
    renamed   `was` names the earlier one: cursor and dead letters go over to the new name
    removed   its cursor stays for a while, so that a mistake can be taken back (see housekeeping)
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

logger = logging.getLogger(__name__)

_SINKS = "SELECT name, delivered, removed_us, let_go FROM sink ORDER BY name"
_NEWEST = "SELECT seq FROM sqlite_sequence WHERE name = 'record'"
_ENTER = (
    "INSERT INTO sink (name, delivered, retired, kinds) VALUES (?, ?, 0, ?) ON CONFLICT (name) "
    "DO UPDATE SET delivered = excluded.delivered, retired = 0, removed_us = NULL, "
    "kinds = excluded.kinds"
)
#: What was meant for a sink by its name, and has not reached it yet.
_READDRESS = (
    "UPDATE record SET targets = replace(targets, ?1, ?2) WHERE seq > ?3 AND instr(targets, ?1)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A sink that is configured: what it takes, what it was called, and where a new one begins."""

    name: str
    kinds: frozenset[str] = frozenset()
    was: str | None = None
    from_beginning: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far one sink has got. `removed_us` is when it left the settings, None while it is in."""

    name: str
    delivered: int  # seq of the last record that is settled for it
    removed_us: int | None
    let_go: int  # records given up for lack of room, or for their age


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Numbers of the journal that a restored backup has skipped: above `start`, up to `end`."""

    start: int = 0
    end: int = 0

    def records(self, after: int, upto: int) -> int:
        """How many records there are at most above `after` and up to `upto`."""
        skipped = min(upto, self.end) - max(after, self.start)
        return max(0, upto - after - max(0, skipped))


def gap_of(connection: sqlite3.Connection) -> Gap:
    """The last gap, if any; a sink that is behind an earlier one seems to have more to take."""
    found = connection.execute("SELECT value FROM meta WHERE name = 'journal_gap'").fetchone()
    start, _, end = (found[0] if found else "").partition("-")
    if not (start.isdecimal() and end.isdecimal()):  # none, or the disk has spoilt it
        return Gap()
    return Gap(start=int(start), end=int(end))


def cursors(connection: sqlite3.Connection) -> list[Cursor]:
    """Every sink that is known, also those that were removed a short while ago."""
    return [
        Cursor(name=name, delivered=delivered, removed_us=removed_us, let_go=let_go)
        for name, delivered, removed_us, let_go in connection.execute(_SINKS)
    ]


def join(connection: sqlite3.Connection, sinks: Sequence[Joining], now_us: int) -> dict[str, int]:
    """These sinks and no others are configured from now on; returns how far each has got."""
    names = {sink.name for sink in sinks}
    for sink in sinks:
        if sink.was is not None and sink.was not in names:
            _rename(connection, sink.was, sink.name)
    known = {cursor.name: cursor.delivered for cursor in cursors(connection)}
    newest = _one(connection, _NEWEST, 0)
    oldest = _one(connection, "SELECT min(seq) FROM record", newest + 1)
    connection.execute(
        "UPDATE sink SET retired = 1, removed_us = coalesce(removed_us, ?)", (now_us,)
    )
    joined = {}
    for sink in sinks:
        delivered = known.get(sink.name, oldest - 1 if sink.from_beginning else newest)
        if delivered < oldest - 1:
            logger.warning(
                "sink %s was away too long: %d records are no longer kept for it",
                sink.name,
                oldest - 1 - delivered,
            )
        joined[sink.name] = min(max(delivered, oldest - 1), newest)
        kinds = " ".join(sorted(sink.kinds))
        connection.execute(_ENTER, (sink.name, joined[sink.name], kinds))
    return joined


def advance(connection: sqlite3.Connection, sink: str, upto: int) -> None:
    """Everything up to `upto` is settled for the sink; a cursor never goes back."""
    connection.execute(
        "UPDATE sink SET delivered = ? WHERE name = ? AND delivered < ?", (upto, sink, upto)
    )


def _rename(connection: sqlite3.Connection, was: str, name: str) -> None:
    """Once: a sink of the new name that is known already has a queue of its own."""
    known = {cursor.name: cursor.delivered for cursor in cursors(connection)}
    if name not in known and was in known:
        connection.execute("UPDATE sink SET name = ? WHERE name = ?", (name, was))
        connection.execute(_READDRESS, (f" {was} ", f" {name} ", known[was]))
        connection.execute("UPDATE OR REPLACE dead_letter SET sink = ? WHERE sink = ?", (name, was))
        logger.info("sink %s goes on where %s was", name, was)


def _one(connection: sqlite3.Connection, sql: str, otherwise: int) -> int:
    row = connection.execute(sql).fetchone()
    return otherwise if row is None or row[0] is None else int(row[0])
