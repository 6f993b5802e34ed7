"""Delivery of the spool: everything in the end, in order, whatever the database does meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

from gateway.model.delivery import InfluxConfig
from gateway.series.spool import Spool
from gateway.sinks.influxdb_spool import SpoolDelivery
from gateway.sinks.influxdb_write import InfluxWriter
from tests.http_peer import Answer, HttpPeer, Request
from tests.servers import eventually


def lines(first: int, count: int) -> list[bytes]:
    return [b"zone,site=s,zone=z tags=%di %d" % (n, n) for n in range(first, first + count)]


class Database:
    """Takes lines, but `bad` ones; answers with `status` while it is set."""

    def __init__(self) -> None:
        self.stored: dict[bytes, None] = {}
        self.bad: set[bytes] = set()
        self.answer: Answer | None = None

    def __call__(self, request: Request) -> Answer:
        if self.answer is not None:
            return self.answer
        sent = zlib.decompress(request.body, 31).splitlines()
        self.stored.update(dict.fromkeys(line for line in sent if line not in self.bad))
        return Answer() if self.bad.isdisjoint(sent) else Answer(400, body=b"a bad line")


class Bench:
    """A delivery that runs, with what is on both of its sides."""

    def __init__(self, spool: Spool, database: Database, peer: HttpPeer) -> None:
        self.spool, self.database, self.peer = spool, database, peer
        self.slept: list[float] = []
        self.counted = 0
        url = f"http://127.0.0.1:{peer.port}"
        writer = InfluxWriter(InfluxConfig(api="v2", url=url, org="o", database="b"))
        self.delivery = SpoolDelivery(spool, writer, self.count, sleep=self.sleep)

    def count(self, refused: int) -> None:
        self.counted += refused

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)

    def append(self, some: list[bytes]) -> None:
        self.spool.append(some)
        self.delivery.wake()

    async def drained(self) -> None:
        await eventually(lambda: self.spool.read(1) is None)


@contextlib.asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Bench]:
    database = Database()
    async with HttpPeer(database) as peer:
        bench = Bench(Spool(folder, 10_000_000), database, peer)
        task = asyncio.create_task(bench.delivery.run())
        try:
            yield bench
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            bench.spool.close()


async def test_what_is_spooled_is_delivered(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        for first in range(0, 100, 10):
            bench.append(lines(first, 10))
            await asyncio.sleep(0)
        await bench.drained()
        assert list(bench.database.stored) == lines(0, 100)
        assert bench.delivery.delivered == 100


async def test_through_an_outage_nothing_is_lost_and_its_end_is_told(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        bench.database.answer = Answer(503, headers=(("Retry-After", "9"),))
        for first in range(0, 12_000, 10):
            bench.append(lines(first, 10))
        await eventually(lambda: len(bench.slept) > 3)
        assert "503" in str(bench.delivery.reason)
        assert set(bench.slept) == {9.0}
        bench.database.answer = None
        await bench.drained()
        await eventually(lambda: bench.delivery.reason is None)
        assert list(bench.database.stored) == lines(0, 12_000)
        taken = [r for r in bench.peer.requests if r.method == "POST"]
        assert len(taken) < len(bench.slept) + 10


async def test_what_is_refused_is_counted_and_forgotten(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        bench.database.bad = {lines(5, 1)[0], lines(77, 1)[0]}
        bench.append(lines(0, 100))
        await bench.drained()
        assert (bench.delivery.refused, bench.counted, bench.delivery.delivered) == (2, 2, 98)
        assert set(lines(0, 100)) - bench.database.stored.keys() == bench.database.bad


async def test_refused_settings_hold_everything(tmp_path: Path) -> None:
    async with running(tmp_path) as bench:
        bench.database.answer = Answer(401)
        bench.append(lines(0, 10))
        await eventually(lambda: bench.slept)
        assert "401" in str(bench.delivery.reason)
        assert 30.0 <= bench.slept[0] <= 60.0
        assert bench.spool.read(1) is not None
        bench.database.answer = None
        await bench.drained()
        assert list(bench.database.stored) == lines(0, 10)
