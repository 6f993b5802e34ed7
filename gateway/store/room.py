"""How much room there is for what waits, and for how many hours that lasts at the recent rate."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from typing import Any

from gateway.store.cursors import gap_of

#: Records that tell the recent rate, and the least time that they are taken to have come in.
RECENT_RECORDS = 5_000
LEAST_SPAN_S = 600.0
#: Of a record besides its body: its row, its row as a movement, and their places in the indexes.
ROW_BYTES = 230
#: From here on the gateway says that it is not ready for what may come.
NEARLY_FULL = 0.9

_NEWEST = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'record'), 0)"
_RECENT = (
    "SELECT count(*), coalesce(sum(length(body)), 0), min(created_us), max(created_us) "
    "FROM (SELECT body, created_us FROM record ORDER BY seq DESC LIMIT ?)"
)
_OLDEST = "SELECT min(seq) FROM record"
_FLOOR = "SELECT name, delivered FROM sink WHERE retired = 0 ORDER BY delivered, name LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the store takes on the disk, and what is left of that for records to wait in.

    `free_bytes` counts history that has been delivered as free: it goes first. `hours` is None
    where nothing has come in yet.
    """

    used_bytes: int
    limit_bytes: int
    free_bytes: int
    bytes_per_hour: int
    hours: float | None
    behind: str | None  # the sink that is furthest behind, None when nothing waits

    @property
    def trouble(self) -> str | None:
        """A sentence once hardly any room is left, else None."""
        if self.behind is None or self.free_bytes > (1 - NEARLY_FULL) * self.limit_bytes:
            return None
        hours = "" if self.hours is None else f", for about {self.hours:.1f} hours"
        return (
            f"The outbox is nearly full: {self.free_bytes // 1_000_000} MB are left{hours}; the "
            f"sink {self.behind} is furthest behind. See 'rfid-gateway outbox ls'."
        )

    def to_json(self) -> dict[str, Any]:
        """As the API and the command tell it."""
        return {
            "used_bytes": self.used_bytes,
            "limit_bytes": self.limit_bytes,
            "free_bytes": self.free_bytes,
            "bytes_per_hour": self.bytes_per_hour,
            "hours_left": None if self.hours is None else round(self.hours, 1),
        }


def used_and_limit(
    connection: sqlite3.Connection, limit_bytes: int | None = None
) -> tuple[int, int]:
    """Octets in use and octets that may be: the limit, or less where the disk has less.

    The limit is the connection's own, unless given: only the writer's connection knows it.
    """
    page, pages, unused, most = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count", "max_page_count")
    )
    limit = page * most if limit_bytes is None else limit_bytes
    on_disk = pages * page
    return on_disk - unused * page, min(limit, on_disk + _disk_free_bytes(connection))


def room(connection: sqlite3.Connection, limit_bytes: int | None = None) -> Room:
    """How much there is; some milliseconds."""
    used, limit = used_and_limit(connection, limit_bytes)
    newest = int(connection.execute(_NEWEST).fetchone()[0])
    count, octets, first_us, last_us = connection.execute(_RECENT, (RECENT_RECORDS,)).fetchone()
    each = octets // count + ROW_BYTES if count else ROW_BYTES
    span_s = max(LEAST_SPAN_S, (last_us - first_us) / 1e6) if count else LEAST_SPAN_S
    per_hour = round(count * each / span_s * 3600)
    behind, delivered = connection.execute(_FLOOR).fetchone() or (None, newest)
    oldest = connection.execute(_OLDEST).fetchone()[0] or newest + 1
    history = min(used, gap_of(connection).records(oldest - 1, delivered) * each)
    free = max(0, limit - used + history)
    return Room(
        used_bytes=used,
        limit_bytes=limit,
        free_bytes=free,
        bytes_per_hour=per_hour,
        hours=free / per_hour if per_hour else None,
        behind=behind if delivered < newest else None,
    )


def _disk_free_bytes(connection: sqlite3.Connection) -> int:
    path = connection.execute("PRAGMA database_list").fetchone()[2]
    if not path:
        return 2**62
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
