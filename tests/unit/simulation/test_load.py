"""Many reads from readers that stand still: at the asked rate, counted truthfully."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from gateway.clock import ManualClock
from gateway.simulation.load import Load, StaticTags, static_epcs
from gateway.simulation.reader import EmulatedReader
from tests.servers import eventually
from tests.unit.simulation.raw_client import RawClient
from tests.unit.simulation.serving import NOW_US, served


async def test_reads_come_at_the_asked_rate_with_evenly_spaced_stamps() -> None:
    clock = ManualClock(NOW_US)
    async with served(static_epcs(5)) as (reader, client):
        source = StaticTags(reader, tags=5, reads_per_s=1_000, seed=1)
        await client.inventory()
        for _ in range(100):
            source.emit(clock.now_us())
            clock.advance_s(0.01)
        assert reader.flow.sent == 990
        tags = await client.tags(990)
        seen = [t.all("LastSeenTimestampUTC")[0].field("Microseconds") for t in tags]
        assert seen == list(range(NOW_US + 1_000, NOW_US + 991_000, 1_000))
        antennas = Counter(t.all("AntennaID")[0].field("AntennaID") for t in tags)
        assert set(antennas) == {1, 2, 3, 4}
        assert len({t.all("EPC_96")[0].field("EPC") for t in tags}) == 5


async def test_nothing_is_due_for_the_time_without_a_client() -> None:
    clock = ManualClock(NOW_US)
    async with served(static_epcs(5)) as (reader, client):
        source = StaticTags(reader, tags=5, reads_per_s=1_000, seed=1)
        source.emit(clock.now_us())
        clock.advance_s(60)
        await client.inventory()
        source.emit(clock.now_us())
        clock.advance_s(0.01)
        source.emit(clock.now_us())
        assert reader.flow.sent == 10


async def test_what_is_long_overdue_is_given_up() -> None:
    clock = ManualClock(NOW_US)
    async with served(static_epcs(5)) as (reader, client):
        source = StaticTags(reader, tags=5, reads_per_s=1_000, seed=1)
        await client.inventory()
        source.emit(clock.now_us())
        clock.advance_s(60)
        source.emit(clock.now_us())
        assert reader.flow.sent == 501
        clock.advance_s(0.1)
        source.emit(clock.now_us())
        assert reader.flow.sent == 601


async def test_many_readers_are_driven_by_one_task() -> None:
    readers = [EmulatedReader(f"reader-{n}", static_epcs(10)) for n in range(5)]
    load = asyncio.create_task(Load(readers, tags=10, reads_per_s=500).run())
    try:
        clients = []
        for reader in readers:
            await reader.listen()
            client = await RawClient.connect(reader.port)
            await client.inventory()
            clients.append(client)
        await eventually(lambda: all(r.flow.sent > 100 for r in readers))
        for client in clients:
            await client.tags(100)
            await client.__aexit__()
    finally:
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        for reader in readers:
            await reader.close()


@pytest.mark.parametrize("count", [1, 300])
def test_static_epcs_are_different(count: int) -> None:
    assert len(set(static_epcs(count))) == count
