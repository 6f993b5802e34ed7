"""What an SQLite error means: damage of the file, trouble around it, or our own mistake."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path


class DamagedError(Exception):
    """The file is not a sound store of ours; it has to be set aside, or is already `aside`."""

    def __init__(self, reason: str, aside: Path | None = None) -> None:
        super().__init__(reason)
        self.aside = aside


#: Primary result codes that tell of disk, rights or memory; the file itself may be fine.
_SURROUNDINGS = {
    sqlite3.SQLITE_FULL: "the disk, or the size that the store is allowed, is full",
    sqlite3.SQLITE_READONLY: "it cannot be written (read-only disk or missing permission)",
    sqlite3.SQLITE_CANTOPEN: "its files cannot be opened or created",
    sqlite3.SQLITE_PERM: "permission is missing",
    sqlite3.SQLITE_IOERR: "the disk reports an I/O error",
    sqlite3.SQLITE_NOMEM: "memory has run out",
    sqlite3.SQLITE_BUSY: "another program keeps it locked",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked",
    sqlite3.SQLITE_PROTOCOL: "another program keeps it locked",
    sqlite3.SQLITE_INTERRUPT: "it was interrupted",
}
_DAMAGE = {
    sqlite3.SQLITE_CORRUPT: "its pages are damaged",
    sqlite3.SQLITE_NOTADB: "it is not a database",
}
#: Reading past the end of the file: it was cut short.
_SHORT_READ = sqlite3.SQLITE_IOERR_SHORT_READ


def code_of(error: BaseException) -> int:
    """SQLite's extended result code, 0 where there is none."""
    return getattr(error, "sqlite_errorcode", 0) or 0


def is_surroundings(error: BaseException) -> bool:
    """Whether the same statement may succeed later: full, read-only, I/O error, locked."""
    return isinstance(error, sqlite3.Error) and code_of(error) & 0xFF in _SURROUNDINGS


def is_full(error: BaseException) -> bool:
    """Whether it was room that lacked."""
    return code_of(error) & 0xFF == sqlite3.SQLITE_FULL


def concerns_store(error: BaseException) -> bool:
    """Whether an error while writing is the store's, and not one of what was to be written."""
    return isinstance(error, sqlite3.OperationalError | MemoryError) or is_corruption(error)


def is_corruption(error: BaseException) -> bool:
    """Whether SQLite itself says that the file is damaged."""
    return isinstance(error, sqlite3.Error) and (
        code_of(error) & 0xFF in _DAMAGE or code_of(error) == _SHORT_READ
    )


def is_damage(error: BaseException, path: Path) -> bool:
    """Whether `error`, met while opening `path`, means that the file has to be set aside.

    A read-only complaint about a file that we may write comes from a damaged header.
    """
    if isinstance(error, DamagedError | ValueError | OverflowError) or is_corruption(error):
        return True
    if not isinstance(error, sqlite3.Error):
        return False
    if code_of(error) & 0xFF == sqlite3.SQLITE_READONLY:
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return not is_surroundings(error)


def words(error: BaseException) -> str:
    """One clause for a user: what is the matter, and SQLite's own words."""
    primary = code_of(error) & 0xFF
    meaning = _DAMAGE.get(primary) or _SURROUNDINGS.get(primary)
    if isinstance(error, OSError):
        return str(error.strerror or error)
    return f"{meaning} ({error})" if meaning else str(error)
