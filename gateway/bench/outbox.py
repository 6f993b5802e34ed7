"""Benchmark: a day without upstream, and whether one sink's trouble is another's.

Everything goes the way of the daemon: outcomes through the store's writer, records through the
dispatchers. The day's movements come as fast as they are stored; their times are those of the day.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.bench.outbox_isolation import isolation
from gateway.bench.outbox_traffic import BenchSink, Traffic, quiet, until
from gateway.clock import SystemClock
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.queue import Queue
from gateway.store.database import STORE_FILE, Store, open_store
from gateway.store.writer import Writer

#: 24 h at 10 movements a second.
MOVEMENTS = 864_000
TAGS = 50_000
PER_TICK = 10
#: Outcomes that may wait for the writer while the backlog is made.
MOST_WAITING = 200
POISON = 0.01
READY_S = EXIT_S = 60.0


def run(
    *, movements: int = MOVEMENTS, isolation_s: float = 40.0, folder: Path | None = None
) -> dict[str, Any]:
    """Measure, in a folder of its own below `folder` (default: the system's place for such)."""
    with quiet():
        with tempfile.TemporaryDirectory(dir=folder) as place:
            site = Path(place)
            path = site / "data" / STORE_FILE
            figures = {"movements": movements, **asyncio.run(_backlog(path, movements))}
            figures |= _daemon(site)
            figures |= asyncio.run(_drain(path, movements))
        return figures | asyncio.run(isolation(isolation_s, folder))


@dataclass(frozen=True, slots=True)
class _Delivering:
    store: Store
    writer: Writer
    dispatchers: Dispatchers


@contextlib.asynccontextmanager
async def _delivering(path: Path, sinks: Sequence[BenchSink]) -> AsyncIterator[_Delivering]:
    """Store, writer and dispatchers as the service puts them together."""
    path.parent.mkdir(exist_ok=True)
    store = open_store(path)
    writer = Writer(store, lambda _: dispatchers.wake())
    queue = Queue(store, writer, SystemClock())
    dispatchers = Dispatchers(queue, sinks)
    writer.start()
    task = asyncio.create_task(dispatchers.run())
    await until(lambda: len(dispatchers.statuses) == len(sinks))
    try:
        yield _Delivering(store, writer, dispatchers)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(writer.stop, 600.0)
        queue.close()
        store.close()


async def _backlog(path: Path, movements: int) -> dict[str, Any]:
    """A day's movements while both sinks are dead."""
    traffic = Traffic(TAGS)
    sizes = [len(m.to_json()) for m in Traffic(TAGS).outcome(500).movements]
    async with _delivering(path, [BenchSink("wms", "dead"), BenchSink("erp", "dead")]) as parts:
        parts.writer.submit(traffic.outcome(PER_TICK))
        before_mb, begun_s = _rss_mb(), time.perf_counter()
        for _ in range(1, movements // PER_TICK):
            parts.writer.submit(traffic.outcome(PER_TICK))
            await until(lambda: parts.writer.pending <= MOST_WAITING)
        await until(lambda: not parts.writer.pending)
        took_s, grown_mb = time.perf_counter() - begun_s, _rss_mb() - before_mb
        pending = [status.pending for status in parts.dispatchers.statuses]
        on_disk = sum(file.stat().st_size for file in path.parent.iterdir())
    assert min(pending) == movements, "everything waits for both sinks"
    return {
        "body_bytes": round(sum(sizes) / len(sizes)),
        "stored_per_s": round(movements / took_s),
        "on_disk_mb": round(on_disk / 1e6, 1),
        "on_disk_bytes_per_movement": round(on_disk / movements),
        "rss_growth_mb": round(grown_mb, 1),
    }


def _daemon(site: Path) -> dict[str, Any]:
    """The whole daemon on that backlog: ready after how long, ended after how long."""
    (site / "config").mkdir()
    settings = {
        "site": {"id": "dock"},
        "data_dir": "data",
        "api": {"listen": "127.0.0.1:0"},
        "sinks": [
            {"name": name, "kind": "webhook", "url": "http://127.0.0.1:9/", "allow": ["127.0.0.1"]}
            for name in ("wms", "erp")
        ],
    }
    (site / "config" / "gateway.yaml").write_text(json.dumps(settings))
    begun_s = time.perf_counter()
    daemon = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "gateway", "run", "--site", str(site)], stderr=subprocess.PIPE
    )
    assert daemon.stderr is not None
    with daemon.stderr:
        ready = any(b"API on" in line for line in daemon.stderr)
        ready_s, ready_cpu_s = time.perf_counter() - begun_s, _cpu_s(daemon.pid)
        assert ready, "the daemon ended at once"
        time.sleep(1.0)
        begun_s = time.perf_counter()
        daemon.send_signal(signal.SIGTERM)
        said = daemon.stderr.read()
    code = daemon.wait(EXIT_S)
    assert code == 0, said.decode()
    return {
        "start_s": round(ready_s, 2),
        "start_cpu_s": round(ready_cpu_s, 2),
        "exit_s": round(time.perf_counter() - begun_s, 2),
    }


async def _drain(path: Path, movements: int) -> dict[str, Any]:
    """Both sinks are back; one movement in a hundred is poison to them."""
    sinks = [BenchSink(name, poison=POISON) for name in ("wms", "erp")]
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    async with _delivering(path, sinks) as parts:
        while not await parts.dispatchers.drained(60.0):
            pass
        took_s, took_cpu_s = time.perf_counter() - begun_s, time.process_time() - begun_cpu_s
        letters = parts.store.counts().dead_letters
    good = sum(sink.taken for sink in sinks)
    assert good + letters == len(sinks) * movements, "every record is taken or set aside"
    return {
        "drained_per_s": round(movements / took_s),
        "drained_records_per_cpu_s": round(len(sinks) * movements / took_cpu_s),
        "out_of_order": sum(sink.disordered for sink in sinks),
        "poison_set_aside": letters,
        "good_taken": good,
    }


def _cpu_s(pid: int) -> float:
    """Seconds of a processor that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6
