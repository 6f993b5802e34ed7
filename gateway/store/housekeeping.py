"""What the journal keeps: what is still to be delivered always, history for its time.

Deleting goes in small pages between the commits, so that no movement ever waits for it.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass

from gateway.model.tuning import OutboxTuning
from gateway.store.bodies import prune_dictionaries
from gateway.store.room import used_and_limit

logger = logging.getLogger(__name__)

#: Records removed in one transaction.
PAGE_ROWS = 500
FOREVER_US = 2**63 - 1

#: Everything up to here is settled for every sink that is configured.
_FLOOR = "SELECT coalesce(min(delivered), 4611686018427387904) FROM sink WHERE retired = 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long delivered records stay as history, and how much room they may take."""

    history_s: float = 90 * 86_400.0
    fill: float = 0.8  # of the store's limit; beyond it the oldest history goes before its time
    dead_letters: int = 100_000
    max_age_s: float | None = None  # what a sink has not taken for longer is let go for it
    let_go_when_full: bool = False  # else what is new waits in memory
    removed_s: float = 7 * 86_400.0  # sinks that left the settings may come back

    @classmethod
    def of(cls, tuning: OutboxTuning) -> Keep:
        """What the settings say."""
        return cls(
            history_s=tuning.history_s,
            max_age_s=tuning.max_age_s,
            let_go_when_full=tuning.let_go_when_full,
            removed_s=tuning.keep_removed_s,
        )


DEFAULT_KEEP = Keep()


def prune(connection: sqlite3.Connection, keep: Keep, now_us: int, *, urgent: bool = False) -> int:
    """Remove one page of history that is over, in a transaction of its own; returns how many.

    `urgent`: the store is full, so whatever has been delivered may go.
    """
    short = urgent or _fill(connection) > keep.fill
    before_us = FOREVER_US if short else now_us - round(keep.history_s * 1e6)
    (floor,) = connection.execute(_FLOOR).fetchone()
    oldest = connection.execute(
        "SELECT seq, created_us FROM record WHERE seq <= ? ORDER BY seq LIMIT ?", (floor, PAGE_ROWS)
    ).fetchall()
    over = [seq for seq, created_us in oldest if created_us <= before_us]
    if not over:
        return 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM movement WHERE record <= ?", (over[-1],))
        connection.execute("DELETE FROM passage WHERE record <= ?", (over[-1],))
        connection.execute("DELETE FROM record WHERE seq <= ?", (over[-1],))
        prune_dictionaries(connection)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return len(over)


def bound_dead_letters(connection: sqlite3.Connection, keep: Keep) -> int:
    """Remove the oldest dead letters beyond the number kept; returns how many, and says so."""
    removed = connection.execute(
        "DELETE FROM dead_letter WHERE number <= (SELECT max(number) FROM dead_letter) - ?",
        (keep.dead_letters,),
    ).rowcount
    if removed > 0:
        logger.warning(
            "more than %d records are set aside: the oldest %d of them were removed",
            keep.dead_letters,
            removed,
        )
    return removed


def _fill(connection: sqlite3.Connection) -> float:
    """The part of what the store may take that is in use."""
    used, limit = used_and_limit(connection)
    return used / limit
