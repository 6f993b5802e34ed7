"""The ring of events: bounded, resumable, and honest about what it no longer has."""

from __future__ import annotations

import asyncio

import pytest

from gateway.live import EventKind, EventRing


def _filled(events: int, **bounds: int) -> EventRing:
    ring = EventRing(**bounds)
    for n in range(events):
        ring.append(EventKind.MOVEMENT, ("yard",), b"%d" % n)
    return ring


def test_what_follows_an_id_comes_in_order_and_in_bounds() -> None:
    ring = _filled(10)
    assert [e.body for e in ring.after(4, 3)] == [b"4", b"5", b"6"]
    assert ring.after(10, 3) == []


def test_the_oldest_events_go_first() -> None:
    ring = _filled(25, capacity=10)
    assert (len(ring), ring.first_id, ring.last_id) == (10, 16, 25)
    assert ring.holds(15)
    assert not ring.holds(14)
    assert [e.id for e in ring.after(15, 100)] == list(range(16, 26))
    with pytest.raises(IndexError, match="event 14"):
        ring.after(14, 1)


def test_large_events_take_the_place_of_several() -> None:
    ring = _filled(10, max_bytes=100)
    ring.append(EventKind.PASSAGE, (), b"x" * 95)
    assert len(ring) == 6
    ring.append(EventKind.PASSAGE, (), b"x" * 1_000)
    assert len(ring) == 1  # never none: the newest has to be told


def test_ids_of_an_earlier_run_are_known_as_such() -> None:
    ring = EventRing(first_id=1_732_203_600_000_000)
    ring.append(EventKind.READER, (), b"{}")
    assert not ring.holds(1_732_203_500_000_009)
    assert not ring.holds(ring.last_id + 1)
    assert ring.holds(ring.last_id)


async def test_those_who_wait_are_woken_once_there_is_something() -> None:
    ring = EventRing()
    waiting = [asyncio.create_task(ring.wait_after(0)) for _ in range(3)]
    await asyncio.sleep(0)
    ring.append(EventKind.MOVEMENT, (), b"{}")
    ring.append(EventKind.MOVEMENT, (), b"{}")
    async with asyncio.timeout(1):
        await asyncio.gather(*waiting)
        await ring.wait_after(1)


async def test_one_who_gives_up_waiting_leaves_nothing_behind() -> None:
    ring = EventRing()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ring.wait_after(0)
    assert not ring._waiting
    ring.append(EventKind.MOVEMENT, (), b"{}")
