"""All known tags as columns, so that a start with a million of them takes a second or two."""

from __future__ import annotations

import gc
import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Rows fetched at once: enough to amortise, few enough to stay in the processor's cache.
CHUNK_ROWS = 20_000
NO_ZONE = -1

_COLUMNS = "SELECT epc, zone, presence, since_us, last_us, seq, confidence FROM tag"

_NUMBER = "SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class TagColumns:
    """One entry per tag, in the order of `epcs`. `zones` indexes `zone_ids`; -1 is "nowhere".

    `seq` counts from `seq_floor`, below which every number may have been used before a restore.
    Numbers of other tags begin above `seq_start`, which is below no number of a forgotten one.
    """

    epcs: list[bytes]
    zone_ids: list[str]
    zones: npt.NDArray[np.int32]
    presence: npt.NDArray[np.uint8]
    since_us: npt.NDArray[np.int64]
    last_us: npt.NDArray[np.int64]
    seq: npt.NDArray[np.uint32]
    confidence: npt.NDArray[np.float32]
    seq_floor: int = 0
    seq_start: int = 0

    def __len__(self) -> int:
        return len(self.epcs)


def load_tags(connection: sqlite3.Connection) -> TagColumns:
    """Read the table of tags in one pass."""
    connection.execute("BEGIN")
    try:
        return _load(connection)
    finally:
        connection.rollback()


def _load(connection: sqlite3.Connection) -> TagColumns:
    zones = connection.execute("SELECT number, id FROM zone ORDER BY number").fetchall()
    (rows,) = connection.execute("SELECT count(*) FROM tag").fetchone()
    floor = _number(connection, "seq_floor")
    columns = TagColumns(
        epcs=[],
        zone_ids=[zone_id for _, zone_id in zones],
        zones=np.full(rows, NO_ZONE, np.int32),
        presence=np.zeros(rows, np.uint8),
        since_us=np.zeros(rows, np.int64),
        last_us=np.zeros(rows, np.int64),
        seq=np.zeros(rows, np.uint32),
        confidence=np.zeros(rows, np.float32),
        seq_floor=floor,
        seq_start=max(floor, _number(connection, "seq_start")),
    )
    index: dict[int | None, int] = {number: n for n, (number, _) in enumerate(zones)}
    collecting = gc.isenabled()
    gc.disable()  # a million tuples are made and freed: looking for cycles doubles the time
    try:
        _fill(columns, connection.execute(_COLUMNS), index)
    finally:
        if collecting:
            gc.enable()
    return columns


def _fill(columns: TagColumns, cursor: sqlite3.Cursor, index: dict[int | None, int]) -> None:
    start = 0
    while chunk := cursor.fetchmany(CHUNK_ROWS):
        epcs, zones, presence, since_us, last_us, seq, confidence = zip(*chunk, strict=True)
        here = slice(start, start + len(chunk))
        columns.epcs.extend(epcs)
        columns.zones[here] = [index.get(zone, NO_ZONE) for zone in zones]
        columns.presence[here] = presence
        columns.since_us[here] = since_us
        columns.last_us[here] = last_us
        columns.seq[here] = [max(0, number - columns.seq_floor) for number in seq]
        columns.confidence[here] = confidence
        start += len(chunk)


def _number(connection: sqlite3.Connection, name: str) -> int:
    (number,) = connection.execute(_NUMBER, (name,)).fetchone() or (0,)
    return int(number)
