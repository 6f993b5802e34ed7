"""The store's file: opened, checked, migrated — and set aside when it is damaged.

Exactly one connection per file writes or checkpoints (SQLite before 3.51.3 can lose commits when
two do at once); it belongs to the writer thread. Everybody else reads through `Store.reading`.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import StoreError
from gateway.model.outcome import Memory
from gateway.store import schema
from gateway.store.columns import TagColumns, load_tags
from gateway.store.faults import DamagedError, is_damage, words
from gateway.store.queries import Counts, Reader, StoredMovement

logger = logging.getLogger(__name__)

#: What the store is called in the gateway's data_dir.
STORE_FILE = "state.db"
#: The most that the store may grow to: 24 h of upstream outage at 25 movements a second.
DEFAULT_LIMIT_BYTES = 1 << 30
#: Checking a big file must not delay the start: what is not checked by then is taken on trust.
CHECK_S = 1.0
#: Small or decisive tables, checked whole before the budget is spent on the journal.
CHECKED_FIRST = ("meta", "zone", "sink", "memory", "tag")
#: Connections for reading that are kept open between uses.
IDLE_READERS = 4
#: Damaged stores that are kept for who wants to look into them.
KEPT_ASIDE = 3
#: How long to wait for somebody else's lock; only a person with a shell has one.
BUSY_S = 5.0

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cell_size_check = ON",
)


class Store:
    """An open store. `writing` is for the writer thread alone; the rest may be called anywhere.

    `quarantined` is where a damaged predecessor was put, None if there was none.
    """

    def __init__(
        self,
        path: Path,
        writing: sqlite3.Connection,
        lock: int,
        *,
        limit_bytes: int,
        quarantined: Path | None,
    ) -> None:
        self.path = path
        self.writing = writing
        self.limit_bytes = limit_bytes
        self.quarantined = quarantined
        self._lock = lock
        self._idle: list[Reader] = []
        self._closed = False

    def load_tags(self) -> TagColumns:
        """All known tags as columns; StoreError when they cannot be read."""
        try:
            with self.reading() as reader:
                return load_tags(reader.connection)
        except (sqlite3.Error, ValueError) as error:
            raise StoreError(f"the tags in {self.path} cannot be read: {words(error)}") from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[Reader]:
        """A reader of one's own for a moment, on a connection that cannot write."""
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = Reader(_connect_for_reading(self.path))
        try:
            yield reader
        finally:
            if self._closed or len(self._idle) >= IDLE_READERS:
                reader.close()
            else:
                self._idle.append(reader)

    def movements_after(self, cursor: int, limit: int) -> list[StoredMovement]:
        """Movements committed after the one with `cursor`, oldest first; 0 is the beginning."""
        with self.reading() as reader:
            return reader.movements_after(cursor, limit)

    def movements_of(self, epc: bytes, limit: int) -> list[StoredMovement]:
        """The last movements of one tag, newest first."""
        with self.reading() as reader:
            return reader.movements_of(epc, limit)

    def memories(self, *kinds: str) -> list[Memory]:
        """What decisions of these kinds have to remember; StoreError when it cannot be read."""
        try:
            with self.reading() as reader:
                return [memory for kind in kinds for memory in reader.memories(kind)]
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be read: {words(error)}") from error

    def counts(self) -> Counts:
        """How much is stored."""
        with self.reading() as reader:
            return reader.counts()

    def reopen(self) -> None:
        """Replace the writing connection after an I/O error; for the writer thread."""
        fresh = _connect(self.path)
        try:
            _configure(fresh, self.limit_bytes)
        except sqlite3.Error:
            fresh.close()
            raise
        with contextlib.suppress(sqlite3.Error):
            self.writing.close()
        self.writing = fresh

    def close(self) -> None:
        """Close every connection and give the file free; the writer must have stopped."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
        with contextlib.suppress(sqlite3.Error):
            self.writing.close()
        os.close(self._lock)


def open_store(path: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> Store:
    """Open the store at `path`, make it if there is none, set it aside if it is damaged.

    Raises `StoreError` only for what a person has to mend: no permission, a full disk, another
    gateway on the same folder, a store of a newer gateway.
    """
    if sqlite3.sqlite_version_info < (3, 37):
        raise StoreError(f"SQLite {sqlite3.sqlite_version} is too old: 3.37 or newer is needed")
    lock = lock_store(path)
    try:
        writing, quarantined = _open_sound(path, limit_bytes)
    except (sqlite3.Error, OSError, DamagedError) as error:
        os.close(lock)
        raise StoreError(f"the store {path} cannot be opened: {words(error)}") from error
    except StoreError:
        os.close(lock)
        raise
    return Store(path, writing, lock, limit_bytes=limit_bytes, quarantined=quarantined)


@contextlib.contextmanager
def reading_of(path: Path) -> Iterator[Reader]:
    """A reader of a store that another process may be using; StoreError when there is none."""
    if not path.is_file():
        raise StoreError(f"{path}: there is no store")
    try:
        reader = Reader(_connect_for_reading(path))
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {words(error)}") from error
    with contextlib.closing(reader):
        yield reader


def set_aside(path: Path) -> Path:
    """Rename a damaged store with its -wal and -shm; returns the new path.

    The last few of them are kept: damage that returns must not fill the disk.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    target = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists() or part.is_symlink():
            part.rename(target.with_name(target.name + suffix))
    earlier = sorted(path.parent.glob(f"{path.name}.damaged-*Z"))
    for old in earlier[:-KEPT_ASIDE]:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                old.with_name(old.name + suffix).unlink(missing_ok=True)
    return target


def _open_sound(path: Path, limit_bytes: int) -> tuple[sqlite3.Connection, Path | None]:
    """A sound store, and where a damaged predecessor was put."""
    try:
        return _open(path, limit_bytes), None
    except DamagedError as damage:
        aside = damage.aside
        logger.error(  # noqa: TRY400 - a finding, told in full
            "the store %s is damaged (%s): it was set aside as %s and a new one was begun; "
            "presence is learnt again, what was not delivered is in the file set aside",
            path,
            damage,
            aside,
        )
    connection = _open(path, limit_bytes)
    # Numbers of movements make their ids: what the lost store has told must not be told anew. A
    # tag moves less than once a second, so no number given before is above this.
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES ('seq_floor', ?)", (str(int(time.time())),)
    )
    return connection, aside


def _open(path: Path, limit_bytes: int) -> sqlite3.Connection:
    """A migrated and checked connection; `DamagedError` when the file had to be set aside."""
    if path.exists() and not path.is_file():
        raise DamagedError("it is not a file", set_aside(path))
    connection = _connect(path)
    try:
        _configure(connection, limit_bytes)
        schema.migrate(connection)
        _check(connection)
    except (sqlite3.Error, ValueError, OverflowError, DamagedError, StoreError) as error:
        if not is_damage(error, path):
            connection.close()
            raise
        # Renamed before the connection is closed, because closing removes the -wal.
        aside = set_aside(path)
        connection.close()
        raise DamagedError(words(error), aside) from error
    return connection


def _check(connection: sqlite3.Connection) -> None:
    """Find damage: small tables whole, everything else as far as the time allows."""
    for table in CHECKED_FIRST:
        _quick_check(connection, f"PRAGMA quick_check('{table}')")
    for table in CHECKED_FIRST[:-1]:
        connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - names from above
    ends_at_s = time.monotonic() + CHECK_S
    connection.set_progress_handler(lambda: time.monotonic() > ends_at_s, 10_000)
    try:
        _quick_check(connection, "PRAGMA quick_check")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
        logger.info("the store is big: its journal was checked in part only")
    finally:
        connection.set_progress_handler(None, 0)
    # A write, so that a file which only looks writable is found now.
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES ('opened', ?)", (datetime.now(UTC).isoformat(),)
    )


def _quick_check(connection: sqlite3.Connection, pragma: str) -> None:
    found = [str(row[0]) for row in connection.execute(pragma)]
    if found != ["ok"]:
        raise DamagedError(found[0] if found else "its check says nothing")


def _configure(connection: sqlite3.Connection, limit_bytes: int) -> None:
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {max(64, limit_bytes // page_bytes)}")


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_S, cached_statements=64
    )


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA query_only = 1")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    # One damaged letter of one row must not keep all the others from being read.
    connection.text_factory = _readable
    return connection


def _readable(text: bytes) -> str:
    return text.decode("utf-8", "replace")


def lock_store(path: Path) -> int:
    """Keep every other gateway off this file; the lock ends with `os.close`, or with us.

    Raises `StoreError` when a gateway has it, or the folder cannot be written.
    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(
            f"the folder {path.parent} cannot hold the store: {words(error)}; it must be "
            "writable by the user that the gateway runs as"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreError(
            f"another gateway is running on {path.parent}: stop it, or give this one another "
            "data_dir"
        ) from error
    return lock
