"""Benchmark: movements committed per second, and the time to know a million tags again.

Everything goes the way of the daemon: outcomes of one tick are submitted every 20 ms, or as fast as
they are taken, and the writer forms its groups with `synchronous = FULL`.
"""

from __future__ import annotations

import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from gateway.model.movement import Kind, Movement, Presence, Status, movement_id
from gateway.model.outcome import Outcome, TagRow
from gateway.store.database import open_store
from gateway.store.writer import Writer

#: Movements in the outcome of one tick: 40 ticks a second make 400 movements a second.
PER_TICK = 10
MOVEMENTS = 20_000
TAGS = 1_000_000
PACED_TICKS = 100
TICK_S = 0.025

_NOW_US = 1_795_262_401_612_345
_EVIDENCE = {
    "reads": {"dock-1/1": 14, "dock-1/2": 3},
    "rssi_dbm": {"dock-1/1": -54.5, "dock-1/2": -61.0},
    "runner_up": {"zone": "yard", "probability": 0.004},
}


def run(
    *, movements: int = MOVEMENTS, tags: int = TAGS, folder: Path | None = None
) -> dict[str, Any]:
    """Measure, in a folder of its own below `folder` (default: the system's place for such)."""
    with tempfile.TemporaryDirectory(dir=folder) as place:
        return {
            "sqlite": sqlite3.sqlite_version,
            **_full_speed(Path(place) / "fast.db", movements),
            **_paced(Path(place) / "paced.db"),
            **_start(Path(place) / "tags.db", tags),
        }


def _full_speed(path: Path, movements: int) -> dict[str, Any]:
    """As many as the writer takes."""
    commits: list[tuple[float, int]] = []
    store = open_store(path)
    writer = Writer(store, lambda _: None, observe=lambda s, rows: commits.append((s, rows)))
    outcomes = [_outcome(tick) for tick in range(movements // PER_TICK)]
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    writer.start()
    for outcome in outcomes:
        writer.submit(outcome)
    writer.stop(timeout_s=600.0)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    store.close()
    return {
        "movements_per_s": round(movements / wall_s),
        "movements_per_cpu_s": round(movements / cpu_s),
        "rows_per_commit": round(sum(rows for _, rows in commits) / len(commits)),
        "bytes_per_movement": round(path.stat().st_size / movements),
    }


def _paced(path: Path) -> dict[str, Any]:
    """One outcome per tick: what a commit takes, and how long an outcome waits for it."""
    seconds: list[float] = []
    waited: list[float] = []
    submitted: dict[int, float] = {}

    def committed(outcomes: list[Outcome]) -> None:
        now_s = time.perf_counter()
        waited.extend(now_s - submitted[outcome.number] for outcome in outcomes)

    store = open_store(path)
    writer = Writer(store, committed, observe=lambda s, _rows: seconds.append(s))
    writer.start()
    for tick in range(PACED_TICKS):
        submitted[tick] = time.perf_counter()
        writer.submit(_outcome(tick))
        time.sleep(TICK_S)
    writer.stop()
    store.close()
    return {
        "commit_p50_ms": _percentile_ms(seconds, 0.50),
        "commit_p99_ms": _percentile_ms(seconds, 0.99),
        "submit_to_durable_p50_ms": _percentile_ms(waited, 0.50),
        "submit_to_durable_p99_ms": _percentile_ms(waited, 0.99),
    }


def _start(path: Path, tags: int) -> dict[str, Any]:
    """Opening with all checks, and loading, of a store that knows many tags."""
    store = open_store(path)
    store.writing.execute("BEGIN")
    store.writing.execute("INSERT INTO zone (id) VALUES ('bin-a-01'), ('bin-a-02')")
    store.writing.executemany(
        "INSERT INTO tag VALUES (?, ?, 1, ?, ?, 3, 0.97)",
        ((bytes.fromhex(_epc(n)), n % 2 + 1, _NOW_US + n, _NOW_US + n) for n in range(tags)),
    )
    store.writing.execute("COMMIT")
    store.close()
    open_s = time.perf_counter()
    store = open_store(path)
    load_s = time.perf_counter()
    loaded = len(store.load_tags())
    end_s = time.perf_counter()
    store.close()
    return {
        "tags": loaded,
        "open_s": round(load_s - open_s, 3),
        "load_tags_s": round(end_s - load_s, 3),
        "bytes_per_tag": round(path.stat().st_size / max(1, tags), 1),
    }


def _outcome(tick: int) -> Outcome:
    movements = [movement(tick * PER_TICK + n) for n in range(PER_TICK)]
    rows = [
        TagRow(
            epc=bytes.fromhex(made.epc),
            zone=made.to_zone,
            presence=Presence.PRESENT,
            since_us=made.event_time_us,
            last_us=made.event_time_us,
            seq=made.seq,
            confidence=made.confidence,
        )
        for made in movements
    ]
    return Outcome(number=tick, now_us=_NOW_US, movements=movements, tags=rows)


def movement(number: int) -> Movement:
    """The first movement of the tag with this number."""
    epc = _epc(number)
    return Movement(
        id=movement_id("bench", epc, 1),
        seq=1,
        site="bench",
        epc=epc,
        epc_uri=None,
        kind=Kind.MOVED,
        status=Status.CONFIRMED,
        from_zone="bin-a-01",
        to_zone="bin-a-02",
        door=None,
        direction=None,
        passage=None,
        event_time_us=_NOW_US + number,
        record_time_us=_NOW_US + number,
        confidence=0.994,
        evidence=_EVIDENCE,
    )


def _epc(number: int) -> str:
    """EPCs in no order, as tags come."""
    return f"3034257BF7194E40{number * 2_654_435_761 % 2**32:08X}"


def _percentile_ms(seconds: list[float], part: float) -> float:
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))] * 1_000, 2)
