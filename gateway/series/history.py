"""The history of figures that the gateway keeps itself: coarser with age, bounded, expendable.

    points ──▶ sums in memory ──▶ series.db: a row per series and 10 s, 1 min, 15 min

It has a file of its own, so that nothing here ever delays a movement, and it may be lost: damaged,
it is set aside and begun anew; without room, the oldest of the finest goes.
"""

from __future__ import annotations

import contextlib
import logging
import math
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.series.points import FieldType, Point
from gateway.store.database import set_aside
from gateway.store.faults import is_corruption, is_damage, is_full, words

logger = logging.getLogger(__name__)

#: Series that are kept; the number of a site's devices and zones is far below it.
MOST_SERIES = 50_000
#: From how full on room is made, and how much of the finest rows goes at a time.
_FULL_PART, _ROOM_PART = 0.9, 0.1
_FORMAT = 1
_US = 1_000_000
#: How often what is too old is looked for.
_SWEEP_S = 60


@dataclass(frozen=True, slots=True)
class Level:
    """Rows of one fineness and how long they are kept."""

    step_s: int
    keep_s: float

    @property
    def table(self) -> str:
        """The name of the table."""
        return f"every_{self.step_s}_s"


def levels(keep_10s: float, keep_1m: float, keep_15m: float) -> tuple[Level, ...]:
    """The levels from fine to coarse."""
    return (Level(10, keep_10s), Level(60, keep_1m), Level(900, keep_15m))


class _Sum:
    """What the points of one series in one bucket come to."""

    __slots__ = ("count", "highest", "last", "lowest", "total")

    def __init__(self, value: float) -> None:
        self.count, self.total = 1, value
        self.lowest = self.highest = self.last = value

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)
        self.last = value


_Name = tuple[str, str, str]  # measurement, field, tags as JSON


class History:
    """For one thread at a time; questions are asked elsewhere (`history_query`)."""

    def __init__(self, path: Path, kept: tuple[Level, ...], limit_bytes: int) -> None:
        self.path, self.levels = path, kept
        self.shed = 0  # values given up: no room, or too many series
        self._limit_bytes = limit_bytes
        self._connection: sqlite3.Connection | None = None
        self._ids: dict[_Name, int] = {}
        self._sums: dict[tuple[_Name, int], _Sum] = {}
        self._tags: dict[tuple[str, tuple[str | None, ...]], str] = {}
        self._swept_s = 0
        self._trouble: str | None = None

    def add(self, points: Iterable[Point]) -> None:
        """Take in points, in memory; only numbers become history."""
        for point in points:
            bucket = point.time_us // (self.levels[0].step_s * _US)
            measurement = point.measurement
            for (name, kind), value in zip(measurement.fields.items(), point.fields, strict=True):
                if value is None or kind is FieldType.TEXT or not math.isfinite(value):  # type: ignore[arg-type]
                    continue
                key = ((measurement.name, name, self._tags_of(point)), bucket)
                found = self._sums.get(key)
                if found is None:
                    self._sums[key] = _Sum(float(value))
                else:
                    found.add(float(value))

    def flush(self, now_us: int) -> None:
        """Write what has been added, and let go of what is too old. Never raises."""
        sums, self._sums = self._sums, {}
        try:
            connection = self._opened()
            with _transaction(connection):
                self._write(connection, sums)
            if now_us // _US - self._swept_s >= _SWEEP_S:
                self._swept_s = now_us // _US
                with _transaction(connection):
                    self._sweep(connection, self._swept_s)
            self._make_room(connection, now_us // _US)
        except (sqlite3.Error, OSError) as error:
            self.shed += sum(s.count for s in sums.values())
            self._fail(error, now_us // _US)
        else:
            self._trouble = None

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._open()
            except (sqlite3.Error, ValueError) as error:
                if not is_damage(error, self.path):
                    raise
                self._begin_anew(error)
                self._connection = self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        if self.path.exists() and not self.path.is_file():
            raise ValueError("it is not a file")
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "journal_size_limit = 8388608",
        ):
            connection.execute(f"PRAGMA {pragma}")
        page_bytes = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {max(64, self._limit_bytes // page_bytes)}")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found not in (0, _FORMAT):
            raise ValueError(f"it has the format {found}, which is not known")
        with _transaction(connection):
            connection.execute(
                "CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY, measurement TEXT, "
                "field TEXT, tags TEXT, UNIQUE (measurement, field, tags))"
            )
            for level in self.levels:
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS {level.table} (series INTEGER, bucket INTEGER, "
                    "count INTEGER, total REAL, lowest REAL, highest REAL, last REAL, "
                    "PRIMARY KEY (series, bucket)) WITHOUT ROWID"
                )
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
        rows = connection.execute("SELECT measurement, field, tags, id FROM series").fetchall()
        self._ids = {(str(m), str(f), str(t)): int(number) for m, f, t, number in rows}

    def _write(self, connection: sqlite3.Connection, sums: dict[tuple[_Name, int], _Sum]) -> None:
        finest_s = self.levels[0].step_s
        rows = [
            (number, bucket, s.count, s.total, s.lowest, s.highest, s.last)
            for (name, bucket), s in sums.items()
            if (number := self._id(connection, name, s)) is not None
        ]
        for level in self.levels:
            ratio = level.step_s // finest_s
            connection.executemany(
                f"INSERT INTO {level.table} VALUES (?, ?, ?, ?, ?, ?, ?) "  # noqa: S608 - our name
                "ON CONFLICT (series, bucket) DO UPDATE SET count = count + excluded.count, "
                "total = total + excluded.total, lowest = min(lowest, excluded.lowest), "
                "highest = max(highest, excluded.highest), last = excluded.last",
                [(number, bucket // ratio, *rest) for number, bucket, *rest in rows],
            )

    def _id(self, connection: sqlite3.Connection, name: _Name, values: _Sum) -> int | None:
        number = self._ids.get(name)
        if number is None:
            if len(self._ids) >= MOST_SERIES:
                self.shed += values.count
                return None
            cursor = connection.execute(
                "INSERT INTO series (measurement, field, tags) VALUES (?, ?, ?)", name
            )
            number = self._ids[name] = int(cursor.lastrowid or 0)
        return number

    def _sweep(self, connection: sqlite3.Connection, now_s: int) -> None:
        for level in self.levels:
            self._delete(connection, level, now_s - level.keep_s)

    def _delete(self, connection: sqlite3.Connection, level: Level, before_s: float) -> None:
        bucket = math.ceil(before_s / level.step_s)
        connection.executemany(
            f"DELETE FROM {level.table} WHERE series = ? AND bucket < ?",  # noqa: S608 - our name
            [(number, bucket) for number in self._ids.values()],
        )

    def _make_room(self, connection: sqlite3.Connection, now_s: int) -> None:
        """Where the file is nearly full, delete a tenth of the finest level's time."""
        pages, free, most = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "max_page_count")
        )
        if pages - free < _FULL_PART * most:
            return
        for level in self.levels:
            oldest_s = self._oldest_s(connection, level)
            if oldest_s is not None and now_s - oldest_s > 4 * level.step_s:
                with _transaction(connection):
                    self._delete(connection, level, oldest_s + _ROOM_PART * (now_s - oldest_s))
                return

    def _oldest_s(self, connection: sqlite3.Connection, level: Level) -> int | None:
        question = f"SELECT min(bucket) FROM {level.table} WHERE series = ?"  # noqa: S608 - our name
        oldest = [
            connection.execute(question, (number,)).fetchone()[0] for number in self._ids.values()
        ]
        return min((b * level.step_s for b in oldest if b is not None), default=None)

    def _fail(self, error: sqlite3.Error | OSError, now_s: int) -> None:
        """Something went wrong: mend what can be mended, tell it once."""
        if isinstance(error, sqlite3.Error) and is_corruption(error):
            self._begin_anew(error)
            return
        if is_full(error) and self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._make_room(self._connection, now_s)
        if self._trouble != (told := words(error)):
            self._trouble = told
            logger.warning("the history of figures %s cannot be written: %s", self.path, told)
        self.close()  # what was not committed may have been given ids

    def _begin_anew(self, error: BaseException) -> None:
        aside = set_aside(self.path)
        self.close()
        logger.error(
            "the history of figures was damaged (%s): it was set aside as %s, a new one is begun",
            words(error),
            aside,
        )

    def _tags_of(self, point: Point) -> str:
        key = (point.measurement.name, point.tags)
        text = self._tags.get(key)
        if text is None:
            if len(self._tags) > MOST_SERIES:
                self._tags.clear()
            named = zip(point.measurement.tags, point.tags, strict=True)
            text = orjson.dumps({name: tag for name, tag in named if tag}).decode()
            self._tags[key] = text
        return text


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
