"""Letting go: the last resort, only where the settings ask for it, counted and told.

What waits for a sink is never dropped by itself. `max_age` says that what a sink has not taken for
so long is of no use to it; `let_go_when_full` that new movements are worth more than the oldest
that wait for the sink which is furthest behind. The sink's cursor moves on; for other sinks the
records stay.
"""

from __future__ import annotations

import logging
import sqlite3

from gateway.store.housekeeping import PAGE_ROWS, Keep
from gateway.store.room import used_and_limit

logger = logging.getLogger(__name__)

#: With so much of the limit in use, the sink that is furthest behind lets a page of records go.
FULL = 0.95

_ACTIVE = "SELECT name, delivered, kinds FROM sink WHERE retired = 0 ORDER BY delivered, name"
_PAGE = "SELECT seq, created_us FROM record WHERE seq > ? ORDER BY seq LIMIT ?"
_TAKEN = (
    "SELECT count(*) FROM record WHERE seq > ?1 AND seq <= ?2 AND "
    "(targets IS NULL AND instr(?3, ' ' || kind || ' ') OR instr(targets, ?4))"
)
_SKIP = "UPDATE sink SET delivered = ?, let_go = let_go + ? WHERE name = ?"


def let_go(connection: sqlite3.Connection, keep: Keep, now_us: int, *, urgent: bool = False) -> int:
    """Move on the cursors that have to, by a page each; returns how many records were lost."""
    lost = 0
    sinks = connection.execute(_ACTIVE).fetchall()
    newest = connection.execute("SELECT max(seq) FROM record").fetchone()[0] or 0
    if keep.max_age_s is not None:
        before_us = now_us - round(keep.max_age_s * 1e6)
        for sink in sinks:
            lost += _skip(connection, sink, before_us, f"they waited for over {keep.max_age_s:g} s")
    if keep.let_go_when_full and sinks and sinks[0][1] < newest and (urgent or _full(connection)):
        lost += _skip(connection, sinks[0], None, "the store is full")
    return lost


def forget_removed(connection: sqlite3.Connection, keep: Keep, now_us: int) -> int:
    """Forget sinks that left the settings long ago; returns how many."""
    return connection.execute(
        "DELETE FROM sink WHERE retired = 1 AND removed_us < ?",
        (now_us - round(keep.removed_s * 1e6),),
    ).rowcount


def _skip(
    connection: sqlite3.Connection, sink: tuple[str, int, str], before_us: int | None, why: str
) -> int:
    """Have one sink pass over its oldest records (committed before a time)."""
    name, delivered, kinds = sink
    page = connection.execute(_PAGE, (delivered, PAGE_ROWS)).fetchall()
    over = [seq for seq, created_us in page if before_us is None or created_us < before_us]
    if not over:
        return 0
    (lost,) = connection.execute(
        _TAKEN, (delivered, over[-1], f" {kinds} ", f" {name} ")
    ).fetchone()
    connection.execute(_SKIP, (over[-1], lost, name))
    if lost:
        logger.error("sink %s loses %d records, because %s", name, lost, why)
    return int(lost)


def _full(connection: sqlite3.Connection) -> bool:
    used, limit = used_and_limit(connection)
    return used > FULL * limit
