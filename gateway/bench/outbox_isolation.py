"""Whether one sink's trouble is another's: from commits to a healthy sink, beside each kind."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from gateway.bench.outbox_traffic import BenchSink, Traffic, until
from gateway.clock import SystemClock
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.store.database import open_store
from gateway.store.writer import Writer

TEMPERS = ("healthy", "dead", "slow", "refusing")
#: In turn, so that what else the machine does falls on all of them.
ROUNDS = 8
TICK_S = 0.05
PER_TICK = 2


async def isolation(seconds: float, folder: Path | None) -> dict[str, Any]:
    """p50 and p99 of the healthy sink beside each of the others, medians of several rounds."""
    found: dict[str, list[list[float]]] = {temper: [] for temper in TEMPERS}
    for _ in range(ROUNDS):
        for temper in TEMPERS:
            with tempfile.TemporaryDirectory(dir=folder) as place:
                path = Path(place) / "state.db"
                found[temper].append(await _beside(path, temper, seconds / ROUNDS))
    figures: dict[str, Any] = {}
    for temper, rounds in found.items():
        for name, part in (("p50", 0.50), ("p99", 0.99)):
            values = [sorted(times)[int(part * (len(times) - 1))] for times in rounds]
            figures[f"beside_{temper}_{name}_ms"] = round(statistics.median(values) * 1e3, 2)
    baseline = figures["beside_healthy_p99_ms"]
    worst = max(figures[f"beside_{temper}_p99_ms"] for temper in TEMPERS[1:])
    figures["worst_p99_to_baseline"] = round(worst / baseline, 2)
    return figures


async def _beside(path: Path, temper: str, seconds: float) -> list[float]:
    """Seconds from each commit to its arrival at a healthy sink beside another one."""
    healthy, other = BenchSink("healthy"), BenchSink("other", temper)
    healthy.notes_times = True
    committed_s: dict[int, float] = {}
    store = open_store(path)

    def committed(_: object) -> None:
        now_s = time.perf_counter()
        for seq in range(len(committed_s) + 1, writer.newest + 1):
            committed_s[seq] = now_s
        dispatchers.wake()

    writer = Writer(store, committed)
    queue = Queue(store, writer, SystemClock())
    dispatchers = Dispatchers(queue, [other, healthy])
    writer.start()
    task = asyncio.create_task(dispatchers.run())
    await until(lambda: bool(dispatchers.statuses))
    traffic = Traffic(1_000)
    ends_at_s = time.perf_counter() + seconds
    while time.perf_counter() < ends_at_s:
        writer.submit(traffic.outcome(PER_TICK))
        await asyncio.sleep(TICK_S)
    await until(lambda: len(healthy.came_s) == writer.newest and not writer.pending)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.to_thread(writer.stop)
    queue.close()
    store.close()
    return [came_s - committed_s[seq] for seq, came_s in healthy.came_s.items()]
