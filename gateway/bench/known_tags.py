"""What a million known tags cost: memory, and the time until they are known again."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import orjson

#: How many movements are committed at once while the store is filled.
CHUNK = 20_000


def run(tags: int = 1_000_000) -> dict[str, Any]:
    """Fill a store, then start from it in a fresh process and weigh that."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "state.db"
        _fill(path, tags)
        child = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-c", _CHILD, str(path)], capture_output=True, check=True
        )
        measured: dict[str, Any] = orjson.loads(child.stdout.splitlines()[-1])
        return {
            "measures": "start with known tags: store to live view and core, in a fresh process",
            "tags": tags,
            "store_mb": round(path.stat().st_size / 1e6, 1),
            **measured,
        }


_CHILD = "import sys; from gateway.bench.known_tags import weigh; weigh(sys.argv[1])"


def weigh(path: str) -> None:
    """Start from a store as the daemon does; prints what it took, as JSON."""
    from gateway.core import Core  # noqa: PLC0415 - the imports are not part of what is weighed
    from gateway.live import LiveView  # noqa: PLC0415
    from gateway.model.place import Site, Zone  # noqa: PLC0415
    from gateway.model.tags import TagIndex  # noqa: PLC0415
    from gateway.store.database import open_store  # noqa: PLC0415

    before_mb = _rss_mb()
    begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
    site = Site(id="bench", zones=tuple(Zone(id=f"bin-{n}") for n in range(100)))
    tags = TagIndex()
    core, live = Core(site, tags), LiveView(site, tags)
    store = open_store(Path(path))
    stored = store.load_tags()
    live.restore(stored)
    core.restore(stored, time.time_ns() // 1_000)
    known = len(tags)
    del stored
    took_s, took_cpu_s = time.perf_counter() - begun_s, time.process_time() - begun_cpu_s
    after_mb = _rss_mb()
    store.close()
    figures = {
        "start_s": round(took_s, 2),
        "start_cpu_s": round(took_cpu_s, 2),
        "rss_mb": round(after_mb),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "bytes_per_tag": round((after_mb - before_mb) * 1e6 / max(1, known)),
    }
    sys.stdout.buffer.write(orjson.dumps(figures) + b"\n")


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _fill(path: Path, tags: int) -> None:
    from gateway.model.movement import Presence  # noqa: PLC0415
    from gateway.model.outcome import Outcome, TagRow  # noqa: PLC0415
    from gateway.store.database import open_store  # noqa: PLC0415
    from gateway.store.writer import Writer  # noqa: PLC0415

    store = open_store(path)
    writer = Writer(store, lambda _: None)
    writer.start()
    now_us = time.time_ns() // 1_000
    for number, start in enumerate(range(0, tags, CHUNK)):
        rows = [
            TagRow(
                epc=b"\x30\x34" + n.to_bytes(10, "big"),
                zone=f"bin-{n % 100}",
                presence=Presence.PRESENT,
                since_us=now_us - n,
                last_us=now_us,
                seq=1,
                confidence=0.99,
            )
            for n in range(start, min(start + CHUNK, tags))
        ]
        writer.submit(Outcome(number=number, now_us=now_us, tags=rows))
    writer.stop(600.0)
    store.close()
