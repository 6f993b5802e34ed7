"""The item master as rows: written in small transactions, read once at the start."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

_PUT = (
    "INSERT INTO item VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"
)


def put_items(connection: sqlite3.Connection, rows: Iterable[tuple[str, str, bytes]]) -> None:
    """Write items (kind, canonical key, body), in the transaction that is open."""
    connection.executemany(_PUT, rows)


def clear_items(connection: sqlite3.Connection) -> None:
    """Remove all items, in the transaction that is open."""
    connection.execute("DELETE FROM item")


def stored_items(connection: sqlite3.Connection) -> Iterator[tuple[str, bytes]]:
    """Every item: canonical key and body."""
    yield from connection.execute("SELECT key, body FROM item")
