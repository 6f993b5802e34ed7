"""The readers of the load benchmark, a process of their own: every tag stands before one antenna.

    python -m gateway.bench.load_readers READERS READS_PER_S TAGS MOVING

Each reader has tags of its own; every second a share `MOVING` of them moves to the next antenna, so
that the daemon has something to decide. One tag report per message.
"""

from __future__ import annotations

import asyncio
import signal
import sys

import numpy as np

from gateway.clock import SystemClock
from gateway.model.reads import empty_reads
from gateway.simulation.epc_table import EpcTable
from gateway.simulation.epcs import sgtin_96
from gateway.simulation.reader import EmulatedReader

BURST_S = 0.02
PORTS = 4
ITEM = 812_345


class StandingTags:
    """Reads one reader's tags in turn, each at the antenna before which it stands."""

    def __init__(self, number: int, tags: int, reads_per_s: float, moving: float) -> None:
        epcs = EpcTable([sgtin_96(item=ITEM, serial=1 + number * tags + n) for n in range(tags)])
        self.reader = EmulatedReader(f"reader-{number + 1}", epcs, buffer_reads=5_000)
        self._per_burst = reads_per_s * BURST_S
        self._moving = moving * BURST_S
        self._rng = np.random.default_rng(number)
        self._antenna = 1 + np.arange(tags) % PORTS
        self._given = 0
        self._owed = 0.0

    def emit(self, now_us: int) -> None:
        """Offer one burst."""
        if not self.reader.inventorying:
            return
        moving = self._rng.random(len(self._antenna)) < self._moving
        self._antenna[moving] = self._antenna[moving] % PORTS + 1
        self._owed += self._per_burst
        count = int(self._owed)
        self._owed -= count
        reads = empty_reads(count)
        which = (self._given + np.arange(count)) % len(self._antenna)
        self._given += count
        step_us = round(BURST_S * 1e6) // max(1, count)
        reads["time_us"] = now_us - step_us * np.arange(count)[::-1]
        reads["first_us"] = reads["time_us"]
        reads["tag"], reads["antenna"] = which, self._antenna[which]
        reads["count"], reads["channel"] = 1, 10
        reads["rssi_cdbm"] = -100 * self._rng.integers(55, 65, count)
        self.reader.offer(reads)


async def serve(readers: int, reads_per_s: float, tags: int, moving: float) -> None:
    """Until told to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    sources = [StandingTags(n, tags, reads_per_s, moving) for n in range(readers)]
    for source in sources:
        await source.reader.listen("127.0.0.1", 0)
        sys.stdout.write(f"{source.reader.name} listening on 127.0.0.1:{source.reader.port}\n")
    sys.stdout.flush()
    clock, loop = SystemClock(), asyncio.get_running_loop()
    due_s = loop.time()
    while not stop.is_set():
        now_us = clock.now_us()
        for source in sources:
            source.emit(now_us)
        due_s = max(due_s + BURST_S, loop.time())
        await asyncio.sleep(due_s - loop.time())
    for source in sources:
        await source.reader.close()


if __name__ == "__main__":
    count, rate, per_reader, share = sys.argv[1:5]
    asyncio.run(serve(int(count), float(rate), int(per_reader), float(share)))
