"""Questions to the store, each answered by short statements that never hold back a checkpoint."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from dataclasses import dataclass

from gateway.model.delivery import Record
from gateway.model.outcome import Memory
from gateway.store import letters
from gateway.store.bodies import Unpacker
from gateway.store.faults import DamagedError
from gateway.store.ids import unpacked

logger = logging.getLogger(__name__)

_AFTER = (
    "SELECT record.seq, body FROM record WHERE seq > ? AND kind = 'movement' ORDER BY seq LIMIT ?"
)
_OF_TAG = (
    "SELECT record.seq, body FROM movement JOIN record ON record.seq = movement.record "
    "WHERE epc = ? AND record < ? ORDER BY record DESC LIMIT ?"
)
_PASSAGES = (
    "SELECT record.seq, body FROM passage JOIN record ON record.seq = passage.record "
    "WHERE record < ? AND (?2 IS NULL OR passage.door = ?2) ORDER BY record DESC LIMIT ?3"
)
#: Later than every record.
NEWEST = 2**62
#: How far one page may look for records of the kinds wanted.
SCAN_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMovement:
    """A movement (or passage) as it was told: `cursor` is its place in the order of commits."""

    cursor: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much is stored; `newest` is the cursor of the last record, 0 if there is none."""

    tags: int
    movements: int
    passages: int
    dead_letters: int
    newest: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records for a sink, in order. Everything up to `upto` is in it or not of the kinds asked.

    A record whose body is damaged in the file has an empty one.
    """

    records: list[Record]
    upto: int
    newest: int  # seq of the last record there was
    oldest_us: int | None  # when the first record of the page was committed


class Reader:
    """One connection that cannot write; one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._unpacker = Unpacker(connection)

    def movements_after(self, cursor: int, limit: int) -> list[StoredMovement]:
        """Movements committed after the one with `cursor`, oldest first; 0 is the beginning."""
        return self._bodies(_AFTER, (cursor, limit))

    def movements_of(self, epc: bytes, limit: int, before: int = NEWEST) -> list[StoredMovement]:
        """The last movements of one tag with cursors below `before`, newest first."""
        return self._bodies(_OF_TAG, (epc, before, limit))

    def passages_before(
        self, before: int, limit: int, door: str | None = None
    ) -> list[StoredMovement]:
        """The last passages (through one door) with cursors below `before`, newest first."""
        return self._bodies(_PASSAGES, (before, door, limit))

    def dead_letters(
        self, after: int, limit: int, sink: str | None = None
    ) -> list[letters.DeadLetter]:
        """Records that were set aside, in that order, after the one numbered `after`."""
        return letters.listed(self.connection, after, limit, sink)

    def page(self, after: int, kinds: frozenset[str], limit: int, sink: str = "") -> Page:
        """The next records of some kinds or meant for `sink`, and how far this look reached."""
        newest = self.newest()
        reach = min(newest, after + SCAN_ROWS)
        marks = ", ".join("?" * len(kinds))
        rows = self.connection.execute(
            "SELECT seq, kind, id, key, created_us, body FROM record "  # noqa: S608 - only marks
            f"WHERE seq > ? AND seq <= ? AND (targets IS NULL AND kind IN ({marks}) "
            "OR instr(targets, ?)) ORDER BY seq LIMIT ?",
            (after, reach, *sorted(kinds), f" {sink} ", limit),
        ).fetchall()
        records = [
            Record(seq=seq, kind=kind, id=unpacked(id_), key=key, body=self._body(seq, body))
            for seq, kind, id_, key, _, body in rows
        ]
        full = len(rows) == limit
        return Page(
            records=records,
            upto=rows[-1][0] if full else max(after, reach),
            newest=newest,
            oldest_us=rows[0][4] if rows else None,
        )

    def memories(self, kind: str) -> list[Memory]:
        """Everything of one kind that decisions have to remember."""
        rows = self.connection.execute("SELECT key, body FROM memory WHERE kind = ?", (kind,))
        return [Memory(kind=kind, key=key, body=body) for key, body in rows]

    def newest(self) -> int:
        """The cursor of the last record that was ever committed, 0 if there was none."""
        row = self.connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'record'"
        ).fetchone()
        return int(row[0]) if row else 0

    def counts(self) -> Counts:
        """How much is stored; it takes some milliseconds per 100,000 rows."""
        one = self._one
        return Counts(
            tags=one("SELECT count(*) FROM tag"),
            movements=one("SELECT count(*) FROM movement"),
            passages=one("SELECT count(*) FROM passage"),
            dead_letters=one("SELECT count(*) FROM dead_letter"),
            newest=self.newest(),
            bytes=one("PRAGMA page_count") * one("PRAGMA page_size"),
        )

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(sqlite3.Error):
            self.connection.close()

    def _one(self, sql: str) -> int:
        return int(self.connection.execute(sql).fetchone()[0])

    def _bodies(self, sql: str, parameters: tuple[object, ...]) -> list[StoredMovement]:
        return [
            StoredMovement(cursor=cursor, body=body)
            for cursor, stored in self.connection.execute(sql, parameters)
            if (body := self._body(cursor, stored))
        ]

    def _body(self, seq: int, stored: bytes) -> bytes:
        """The body of a record; empty when it is damaged, because the others must go on."""
        try:
            return self._unpacker.unpack(stored)
        except DamagedError as damage:
            logger.error("record %d: %s", seq, damage)  # noqa: TRY400 - a finding, told in full
            return b""
