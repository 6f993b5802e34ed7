"""The oracle of delivery: what was committed against what each sink was given, record by record.

Every committed movement reached each sink or still waits for it; an id has one body for ever; a
tag's movements are numbered 1, 2, 3 … and first arrive in that order; nobody is given what was
never committed. And they tell one story: a tag leaves the zone that it was in.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from gateway.store.bodies import Unpacker

PRESENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What a store holds: movements in the order of their commits, tags, cursors."""

    movements: dict[str, bytes]  # id → body
    numbers: dict[str, int]  # id → its number in the journal
    newest: int  # number of the last record, of whatever kind
    delivered: dict[str, int]  # sink → number of the last record that it has taken
    zones: dict[str, str | None]  # EPC → zone, of tags that are present


def read_store(store: Path, scratch: Path) -> Stored:
    """What a store holds, read from a copy, so that the daemon finds its own as it left it."""
    scratch.mkdir(exist_ok=True)
    for suffix in ("", "-wal"):
        part = store.with_name(store.name + suffix)
        (scratch / part.name).unlink(missing_ok=True)
        if part.exists():
            shutil.copyfile(part, scratch / part.name)
    (scratch / f"{store.name}-shm").unlink(missing_ok=True)
    with closing(sqlite3.connect(scratch / store.name)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute(
            "SELECT seq, id, body FROM record WHERE kind = 'movement' ORDER BY seq"
        ).fetchall()
        unpack = Unpacker(connection).unpack
        movements = [unpack(stored) for _, _, stored in rows]
        zones = connection.execute(
            "SELECT epc, zone.id FROM tag LEFT JOIN zone ON zone.number = tag.zone "
            f"WHERE presence = {PRESENT}"
        ).fetchall()
        newest = connection.execute("SELECT coalesce(max(seq), 0) FROM record").fetchone()[0]
        cursors = connection.execute("SELECT name, delivered FROM sink").fetchall()
    ids = [str(UUID(bytes=raw)) for _, raw, _ in rows]
    assert len(set(ids)) == len(ids)
    return Stored(
        movements=dict(zip(ids, movements, strict=True)),
        numbers=dict(zip(ids, (number for number, _, _ in rows), strict=True)),
        newest=newest,
        delivered=dict(cursors),
        zones={bytes(epc).hex().upper(): zone for epc, zone in zones},
    )


def check_sink(stored: Stored, sink: str, given: list[bytes]) -> int:
    """What one sink was given, in order, against the store; how many were repetitions."""
    seen: dict[str, bytes] = {}
    last_seq: dict[str, int] = defaultdict(int)
    for body in given:
        movement = json.loads(body)
        key = movement["id"]
        if key in seen:
            assert seen[key] == body, f"{sink}: two bodies under {key}"
            continue
        seen[key] = body
        assert key in stored.movements, f"{sink}: {key} was never committed"
        assert stored.movements[key] == body, f"{sink}: {key} is not what was committed"
        epc, seq = movement["epc"], movement["seq"]
        assert seq > last_seq[epc], f"{sink}: {epc} has number {seq} after {last_seq[epc]}"
        last_seq[epc] = seq
    lost = [
        key
        for key, number in stored.numbers.items()
        if key not in seen and number <= stored.delivered[sink]
    ]
    assert not lost, f"{sink}: {len(lost)} committed movements were lost, the first: {lost[0]}"
    return len(given) - len(seen)


def check_stories(stored: Stored) -> None:
    """Per tag the numbers have no gap, nothing happens twice, and nobody arrives who is here.

    A tag leaves the zone that it was in, unless a door says where it came from.
    """
    last: dict[str, dict[str, Any]] = {}
    for body in stored.movements.values():
        movement = json.loads(body)
        before = last.get(movement["epc"])
        last[movement["epc"]] = movement
        assert movement["seq"] == (before["seq"] + 1 if before else 1), (before, movement)
        was_in = before["to"] if before else None
        assert (movement["from"] is None) == (movement["kind"] == "arrived"), movement
        if movement["kind"] == "arrived":
            assert was_in is None, (before, movement)
        elif movement["door"] is None:
            assert movement["from"] == was_in, (before, movement)
        if before is not None:
            assert movement["event_time"] >= before["event_time"], (before, movement)
            assert _what(movement) != _what(before), (before, movement)


def _what(movement: dict[str, Any]) -> tuple[str, ...]:
    return tuple(movement[key] for key in ("kind", "from", "to", "door", "event_time"))
