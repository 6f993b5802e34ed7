"""The store's schema: numbered `.sql` migrations, applied all or nothing, then checked."""

from __future__ import annotations

import sqlite3
from functools import cache
from importlib import resources

from gateway.errors import StoreError
from gateway.store.faults import DamagedError

#: Marks the file as ours ("RFGW"); a database of something else is never written to.
APPLICATION_ID = 0x52464757

_STATED = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
_VERSION = "SELECT value FROM meta WHERE name = 'schema'"


@cache
def migrations() -> tuple[str, ...]:
    """The SQL of every migration, in order; the n-th leads to version n."""
    folder = resources.files("gateway.store") / "migrations"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return tuple(f.read_text(encoding="utf-8") for f in files)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest version in one transaction, and make sure that it is ours.

    Raises `StoreError` for a store of a newer gateway, `DamagedError` for anything not ours.
    """
    version = _version(connection)
    steps = migrations()
    if version > len(steps):
        raise StoreError(
            f"the store was written by a newer gateway (schema {version}, this one knows "
            f"{len(steps)}): install that version again, or give this one another data_dir"
        )
    if version < len(steps):
        _apply(connection, steps[version:], len(steps))
    if connection.execute(_STATED).fetchall() != _expected():
        raise DamagedError("its tables are not those of this version")


def _version(connection: sqlite3.Connection) -> int:
    """The version that the file states twice: one flipped bit must not look like a newer one."""
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return 0
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise DamagedError("it is a database of something else")
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    stated = connection.execute(_VERSION).fetchone()
    if version < 1 or stated is None or stated[0] != str(version):
        raise DamagedError("it contradicts itself about its version")
    return version


def _apply(connection: sqlite3.Connection, steps: tuple[str, ...], version: int) -> None:
    script = "\n".join(steps)
    try:
        # executescript commits what is open before it begins, so the transaction is in the script.
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{script}\n"  # noqa: S608 - our own files and numbers
            f"INSERT OR REPLACE INTO meta VALUES ('schema', '{version}');\n"
            f"PRAGMA application_id = {APPLICATION_ID};\nPRAGMA user_version = {version};\nCOMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.rollback()
        raise


@cache
def _expected() -> list[tuple[str, str, str]]:
    connection = sqlite3.connect(":memory:")
    try:
        connection.executescript("\n".join(migrations()))
        return connection.execute(_STATED).fetchall()
    finally:
        connection.close()
