"""Upkeep of dead letters by a person: have them tried again, or drop them; checked, then done.

Every function works inside the caller's transaction and raises `OutboxError` before it changes
anything, with a sentence that says what is wrong.
"""

from __future__ import annotations

import difflib
import sqlite3
from collections.abc import Sequence

from gateway.errors import GatewayError
from gateway.store import cursors, letters

#: Names and numbers of a sentence; what a person wrote may be long.
_SHOWN = 10


class OutboxError(GatewayError):
    """There is no such sink or dead letter."""


def retry(connection: sqlite3.Connection, sink: str, seqs: Sequence[int] | None) -> int:
    """Have these dead letters (None: all) of a sink tried again; returns how many."""
    check_sink(connection, sink)
    if sink not in {c.name for c in cursors.cursors(connection) if c.removed_us is None}:
        raise OutboxError(
            f"The sink '{sink}' is not in the settings any more, so nothing can be delivered to "
            f"it. 'rfid-gateway outbox drop {sink} --all' removes its dead letters."
        )
    _check_letters(connection, sink, seqs)
    return letters.mark(connection, sink, seqs)


def drop(connection: sqlite3.Connection, sink: str, seqs: Sequence[int] | None) -> int:
    """Remove these dead letters (None: all) of a sink for good; returns how many."""
    check_sink(connection, sink)
    _check_letters(connection, sink, seqs)
    return letters.drop(connection, sink, seqs)


def check_sink(connection: sqlite3.Connection, sink: str) -> None:
    """Raise `OutboxError` for a sink that has neither a queue nor dead letters."""
    known = sorted({c.name for c in cursors.cursors(connection)} | {*letters.counted(connection)})
    if sink in known:
        return
    close = difflib.get_close_matches(sink[:100], known, n=1)
    if close:
        hint = f"Did you mean '{close[0]}'?"
    elif known:
        more = " …" if len(known) > _SHOWN else ""
        hint = f"There are {', '.join(known[:_SHOWN])}{more}."
    else:
        hint = "The outbox has none yet."
    raise OutboxError(f"There is no sink '{sink[:100]}'. {hint}")


def _check_letters(connection: sqlite3.Connection, sink: str, seqs: Sequence[int] | None) -> None:
    missing = letters.absent(connection, sink, seqs or ())
    if missing:
        more = " …" if len(missing) > _SHOWN else ""
        raise OutboxError(
            f"The sink '{sink}' has no dead letter {', '.join(map(str, missing[:_SHOWN]))}{more}; "
            f"'rfid-gateway outbox ls --sink {sink}' lists them. Nothing was changed."
        )
