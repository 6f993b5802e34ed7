"""Dead letters: what one sink refused for good. Listed, marked to be tried again, dropped.

Every function works inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gateway.model.delivery import Record
from gateway.store.ids import packed, unpacked

#: Reasons of refusals are kept up to this length; they are other people's text.
REASON_CHARACTERS = 1_000

_COLUMNS = "number, sink, seq, kind, id, key, reason, set_aside_us, again, body"
_LISTED = (
    f"SELECT {_COLUMNS} FROM dead_letter WHERE number > ?1 AND (?2 IS NULL OR sink = ?2) "  # noqa: S608
    "ORDER BY number LIMIT ?3"
)
_MARKED = (
    "SELECT seq, kind, id, key, body FROM dead_letter WHERE sink = ? AND again = 1 "
    "ORDER BY seq LIMIT ?"
)
_ADD = (
    "INSERT INTO dead_letter (sink, seq, kind, id, key, reason, set_aside_us, body) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sink, seq) DO NOTHING"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that one sink refused for good, with the sink's reason."""

    number: int
    sink: str
    reason: str
    set_aside_us: int
    again: bool  # somebody wants it to be tried again
    record: Record


def listed(
    connection: sqlite3.Connection, after: int, limit: int, sink: str | None = None
) -> list[DeadLetter]:
    """Dead letters (of one sink) in the order of their refusals, after the one numbered `after`."""
    return [
        DeadLetter(
            number=number,
            sink=name,
            reason=reason,
            set_aside_us=at_us,
            again=bool(again),
            record=Record(seq=seq, kind=kind, id=unpacked(id_), key=key, body=body),
        )
        for number, name, seq, kind, id_, key, reason, at_us, again, body in connection.execute(
            _LISTED, (after, sink, limit)
        )
    ]


def counted(connection: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """By sink: how many there are, and how many of them are to be tried again."""
    rows = connection.execute("SELECT sink, count(*), sum(again) FROM dead_letter GROUP BY sink")
    return {name: (dead, again) for name, dead, again in rows}


def add(
    connection: sqlite3.Connection, sink: str, rejected: Mapping[Record, str], now_us: int
) -> None:
    """Set records aside, each with the reason of its refusal."""
    connection.executemany(
        _ADD,
        [
            (sink, r.seq, r.kind, packed(r.id), r.key, reason[:REASON_CHARACTERS], now_us, r.body)
            for r, reason in rejected.items()
        ],
    )


def marked(connection: sqlite3.Connection, sink: str, limit: int) -> list[Record]:
    """What is to be tried again, in the order in which it was committed."""
    return [
        Record(seq=seq, kind=kind, id=unpacked(id_), key=key, body=body)
        for seq, kind, id_, key, body in connection.execute(_MARKED, (sink, limit))
    ]


def mark(connection: sqlite3.Connection, sink: str, seqs: Sequence[int] | None) -> int:
    """Have these (None: all) tried again; returns how many are marked by that."""
    return _each(
        connection, "UPDATE dead_letter SET again = 1 WHERE sink = ? AND again = 0", sink, seqs
    )


def drop(connection: sqlite3.Connection, sink: str, seqs: Sequence[int] | None) -> int:
    """Remove these (None: all) for good; returns how many."""
    return _each(connection, "DELETE FROM dead_letter WHERE sink = ?", sink, seqs)


def refuse_again(
    connection: sqlite3.Connection, sink: str, seq: int, reason: str, now_us: int
) -> None:
    """It was tried again and refused again: it stays, with the new reason."""
    connection.execute(
        "UPDATE dead_letter SET again = 0, reason = ?, set_aside_us = ? WHERE sink = ? AND seq = ?",
        (reason[:REASON_CHARACTERS], now_us, sink, seq),
    )


def absent(connection: sqlite3.Connection, sink: str, seqs: Iterable[int]) -> list[int]:
    """Those of `seqs` that are no dead letters of the sink."""
    known = connection.execute("SELECT seq FROM dead_letter WHERE sink = ?", (sink,))
    return sorted(set(seqs) - {seq for (seq,) in known})


def _each(connection: sqlite3.Connection, sql: str, sink: str, seqs: Sequence[int] | None) -> int:
    if seqs is None:
        return connection.execute(sql, (sink,)).rowcount
    return sum(connection.execute(f"{sql} AND seq = ?", (sink, seq)).rowcount for seq in set(seqs))
