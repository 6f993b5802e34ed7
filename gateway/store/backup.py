"""Backup while the gateway runs, and restore while it does not.

A backup is a snapshot of every database in the data_dir. What happens after it is not in it, and
that is what a restore has to live with: movements that were told after the snapshot have used
numbers, and so ids, that the restored gateway would give to other movements. So a restore lifts
the numbers of all tags, also of those that the backup does not know (`seq_floor`), above whatever
may have been given, and the journal's number by `GAP`. No id is used twice, and `seq` still grows
per tag, with one gap.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway import __version__
from gateway.errors import StoreError
from gateway.store import schema
from gateway.store.archive import Manifest, checksum, extract, opened_archive, write_archive
from gateway.store.database import STORE_FILE, lock_store
from gateway.store.faults import DamagedError, words

#: More records than there are between a backup and its restore, or so a client's cursor hopes.
GAP = 1_000_000
_BUSY_S = 10.0
_PARTS = ("", "-wal", "-shm")

_LIFT_TAGS = "UPDATE tag SET seq = seq + ?"
_LIFT_CURSORS = (
    "UPDATE sink SET delivered = delivered + ? "
    "WHERE delivered >= (SELECT seq FROM sqlite_sequence WHERE name = 'record')"
)
_LIFT_JOURNAL = "UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'record'"
_FLOOR = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'seq_floor'), 0)"
_NEWEST = "SELECT seq FROM sqlite_sequence WHERE name = 'record'"
_SET_GAP = "INSERT OR REPLACE INTO meta VALUES ('journal_gap', ?)"
_SET_FLOOR = "INSERT OR REPLACE INTO meta VALUES ('seq_floor', ?)"


def back_up(data_dir: Path, file: Path, site: str) -> Manifest:
    """Write a backup of the databases in `data_dir`, whether a gateway runs on them or not."""
    databases = _databases(data_dir)
    if not any(path.name == STORE_FILE for path in databases):
        raise StoreError(f"There is nothing to back up: no file {data_dir / STORE_FILE}.")
    try:
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as folder:
            copies = [_snapshot(path, Path(folder) / path.name) for path in databases]
            manifest = Manifest(
                site=site,
                time=datetime.now(UTC).isoformat(timespec="seconds"),
                gateway=__version__,
                files={copy.name: checksum(copy) for copy in copies},
            )
            write_archive(file, manifest, copies)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror or error}.") from error
    return manifest


def restore(file: Path, data_dir: Path, site: str, *, force: bool) -> tuple[Manifest, list[Path]]:
    """Put a backup in place; returns what it is, and where what was there has been put.

    Raises `StoreError`, with nothing changed, when a gateway runs, when there is a store already or
    the backup is another site's (unless `force`), and when the backup is not sound.
    """
    with opened_archive(file) as (archive, manifest):
        if manifest.site != site and not force:
            raise StoreError(
                f"The backup is of the site '{manifest.site}', and this is '{site}': its movements "
                "would go on under other ids. Say --force if that is what you want."
            )
        lock = lock_store(data_dir / STORE_FILE)
        try:
            existing = [path for name in manifest.files if (path := data_dir / name).exists()]
            if existing and not force:
                raise StoreError(
                    f"There is a store already, {existing[0]}: say --force to set it aside."
                )
            with tempfile.TemporaryDirectory(dir=data_dir, prefix=".restore-") as folder:
                files = extract(archive, manifest, Path(folder))
                _make_ready(files)
                aside = _set_aside(existing)
                for path in files:
                    path.replace(data_dir / path.name)
        except OSError as error:
            raise StoreError(f"{data_dir} cannot be written: {error.strerror or error}.") from error
        finally:
            os.close(lock)
    return manifest, aside


def _databases(data_dir: Path) -> list[Path]:
    """The databases of a gateway; damaged ones that were set aside have other names."""
    return sorted(path for path in data_dir.glob("*.db") if path.is_file())


def _snapshot(source: Path, target: Path) -> Path:
    """One consistent copy, in one read transaction, which holds back no writer."""
    try:
        with closing(sqlite3.connect(source, timeout=_BUSY_S)) as reading:
            reading.execute("PRAGMA query_only = 1")
            reading.execute("PRAGMA wal_autocheckpoint = 0")
            with closing(sqlite3.connect(target)) as writing:
                reading.backup(writing, pages=-1)
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be read: {words(error)}.") from error
    return target


def _make_ready(files: Sequence[Path]) -> None:
    """Check every database, bring the store to this version and lift its numbers."""
    for path in files:
        try:
            with closing(sqlite3.connect(path, isolation_level=None)) as connection:
                _check(connection)
                if path.name == STORE_FILE:
                    schema.migrate(connection)
                    _lift(connection)
        except (sqlite3.Error, DamagedError) as error:
            raise StoreError(f"The backup is damaged: {path.name}: {words(error)}.") from error
    if not any(path.name == STORE_FILE for path in files):
        raise StoreError(f"This is no whole backup: it has no {STORE_FILE}.")


def _check(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA integrity_check").fetchone()
    if found != ("ok",):
        raise DamagedError(str(found[0]))


def _lift(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    (floor,) = connection.execute(_FLOOR).fetchone()
    # As where a damaged store is replaced: a tag moves less than once a second.
    lifted = max(floor + 1, int(time.time()))
    connection.execute(_LIFT_TAGS, (lifted - floor,))
    connection.execute(_SET_FLOOR, (str(lifted),))
    (newest,) = connection.execute(_NEWEST).fetchone() or (0,)
    connection.execute(_SET_GAP, (f"{newest}-{newest + GAP}",))
    connection.execute(_LIFT_CURSORS, (GAP,))
    connection.execute(_LIFT_JOURNAL, (GAP,))
    connection.execute(
        "INSERT OR REPLACE INTO meta VALUES ('restored', ?)", (datetime.now(UTC).isoformat(),)
    )
    connection.execute("COMMIT")


def _set_aside(existing: Sequence[Path]) -> list[Path]:
    """Rename what is there, with what belongs to it; nothing is deleted."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = []
    for path in existing:
        target = path.with_name(f"{path.name}.before-restore-{stamp}")
        for part in _PARTS:
            with suppress(FileNotFoundError):
                shutil.move(f"{path}{part}", f"{target}{part}")
        aside.append(target)
    return aside
