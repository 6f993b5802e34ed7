"""How the outbox is: each sink's queue, and what was set aside; from the store and who delivers."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model.movement import iso_utc
from gateway.outbox.dispatcher import SinkStatus
from gateway.store import cursors, letters

_NEWEST = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'record'), 0)"
_OLDEST = "SELECT created_us FROM record WHERE seq > ? ORDER BY seq LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkReport:
    """One sink's queue. `state` is that of its dispatcher, else `stopped` or `removed`."""

    name: str
    state: str
    reason: str | None
    retry_at_us: int | None
    pending: int
    oldest_us: int | None  # when the oldest record that it has still to take was committed
    delivered: int | None  # since the start
    dead_letters: int
    again: int  # of them, those that are to be tried again
    let_go: int
    removed_us: int | None

    def to_json(self) -> dict[str, Any]:
        """As the API and the command tell it."""
        return {
            "name": self.name,
            "state": self.state,
            "reason": self.reason,
            "retry_at": _iso(self.retry_at_us),
            "pending": self.pending,
            "oldest": _iso(self.oldest_us),
            "delivered": self.delivered,
            "dead_letters": self.dead_letters,
            "again": self.again,
            "let_go": self.let_go,
            "removed": _iso(self.removed_us),
        }


def sink_reports(
    connection: sqlite3.Connection, statuses: Mapping[str, SinkStatus]
) -> list[SinkReport]:
    """Every sink that has a queue or dead letters; `statuses` are those that deliver now."""
    dead = letters.counted(connection)
    newest = int(connection.execute(_NEWEST).fetchone()[0])
    gap = cursors.gap_of(connection)
    known = {cursor.name: cursor for cursor in cursors.cursors(connection)}
    reports = []
    for name in sorted({*known, *dead}):
        cursor, status = known.get(name), statuses.get(name)
        pending = gap.records(cursor.delivered, newest) if cursor is not None else 0
        removed = cursor is None or cursor.removed_us is not None
        reports.append(
            SinkReport(
                name=name,
                state=status.state if status else "removed" if removed else "stopped",
                reason=status.reason if status else None,
                retry_at_us=status.retry_at_us if status else None,
                pending=pending,
                oldest_us=_oldest_us(connection, cursor) if pending else None,
                delivered=status.delivered if status else None,
                dead_letters=dead.get(name, (0, 0))[0],
                again=dead.get(name, (0, 0))[1],
                let_go=cursor.let_go if cursor else 0,
                removed_us=cursor.removed_us if cursor else None,
            )
        )
    return reports


def letter_json(letter: letters.DeadLetter) -> dict[str, Any]:
    """A dead letter as the API and the command tell it; its body is in the journal's form."""
    return {
        "number": letter.number,
        "sink": letter.sink,
        "seq": letter.record.seq,
        "id": letter.record.id,
        "kind": letter.record.kind,
        "key": letter.record.key,
        "reason": letter.reason,
        "set_aside": _iso(letter.set_aside_us),
        "again": letter.again,
    }


def _oldest_us(connection: sqlite3.Connection, cursor: cursors.Cursor | None) -> int | None:
    if cursor is None:
        return None
    row = connection.execute(_OLDEST, (cursor.delivered,)).fetchone()
    return int(row[0]) if row else None


def _iso(time_us: int | None) -> str | None:
    return None if time_us is None else iso_utc(time_us)
