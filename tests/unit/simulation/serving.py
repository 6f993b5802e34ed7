"""Emulated readers for tests, and reads to offer them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from gateway.model.reads import READ, Reads
from gateway.simulation.load import static_epcs
from gateway.simulation.reader import EmulatedReader
from tests.unit.simulation.raw_client import RawClient

EPCS = static_epcs(8)
#: A time that looks like one.
NOW_US = 1_795_248_000_000_000


@asynccontextmanager
async def served(
    epcs: Sequence[bytes] = EPCS, **options: Any
) -> AsyncIterator[tuple[EmulatedReader, RawClient]]:
    """A reader that listens and a client that is connected to it."""
    reader = EmulatedReader("reader-1", epcs, **options)
    await reader.listen()
    try:
        async with await RawClient.connect(reader.port) as client:
            yield reader, client
    finally:
        await reader.close()


def reads(*tags: int, antenna: int | Sequence[int] = 1, time_us: int = NOW_US) -> Reads:
    """One read of each of these tags, a microsecond apart."""
    rows = np.zeros(len(tags), dtype=READ)
    rows["tag"] = tags
    rows["antenna"] = antenna
    rows["time_us"] = rows["first_us"] = time_us + np.arange(len(tags))
    rows["count"] = 1
    rows["channel"] = 7
    rows["rssi_cdbm"] = -5_550
    rows["phase_rad"] = np.pi
    return rows
