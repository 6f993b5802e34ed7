"""What need not be known any longer, at the start: a restart loads no tag that is forgotten."""

from __future__ import annotations

import logging
import sqlite3

from gateway.model.movement import Presence
from gateway.model.tuning import LocationTuning
from gateway.store.columns import TagColumns
from gateway.store.database import Store
from gateway.store.faults import words

logger = logging.getLogger(__name__)

#: Who is gone; see location/forgetting.py.
_GONE = f"presence IN ({Presence.NEW:d}, {Presence.MISSING:d}, {Presence.DEPARTED:d})"
_TAGS = "SELECT count(*) FROM tag"
_OVER = f"SELECT count(*) FROM tag WHERE {_GONE} AND last_us <= ?"  # noqa: S608 - from above
_LONGEST = (
    f"SELECT max(last_us) FROM (SELECT last_us FROM tag WHERE {_GONE} AND last_us > ? "  # noqa: S608
    "ORDER BY last_us LIMIT ?)"
)
_FORGET = f"DELETE FROM tag WHERE {_GONE} AND last_us <= ? RETURNING seq"  # noqa: S608 - from above
_SEQ_START = (
    "INSERT INTO meta VALUES ('seq_start', ?1) ON CONFLICT (name) DO UPDATE SET value = "
    "max(CAST(value AS INTEGER), CAST(?1 AS INTEGER))"
)


def known_tags(store: Store, tuning: LocationTuning, now_us: int) -> TagColumns:
    """The tags to begin with; before the writer is started. StoreError when they cannot be read."""
    forget_gone(store.writing, now_us - round(tuning.forget_after_s * 1e6), tuning.max_tags)
    return store.load_tags()


def forget_gone(connection: sqlite3.Connection, before_us: int, most: int) -> int:
    """Forget tags that are gone and unread since `before_us`, or longest of more than `most`.

    Returns how many they were. Numbers of movements of a tag that comes back go on above those of
    all that are forgotten. A store that cannot be written now forgets nothing.
    """
    try:
        before_us = _no_more_than(connection, before_us, most)
        if not connection.execute(_OVER, (before_us,)).fetchone()[0]:
            return 0
        connection.execute("BEGIN IMMEDIATE")
        numbers = [seq for (seq,) in connection.execute(_FORGET, (before_us,))]
        connection.execute(_SEQ_START, (str(max(numbers, default=0)),))
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.rollback()
        logger.warning("tags that are gone for long could not be forgotten: %s", words(error))
        return 0
    logger.info("%d tags that are gone for long were forgotten", len(numbers))
    return len(numbers)


def _no_more_than(connection: sqlite3.Connection, before_us: int, most: int) -> int:
    """Until when tags must have been unread to be forgotten, so that no more than `most` stay."""
    (known,) = connection.execute(_TAGS).fetchone()
    (over,) = connection.execute(_OVER, (before_us,)).fetchone() if known > most else (0,)
    lacking = known - over - most
    if lacking <= 0:
        return before_us
    (last_us,) = connection.execute(_LONGEST, (before_us, lacking)).fetchone()
    return before_us if last_us is None else int(last_us)  # None: so many are present
