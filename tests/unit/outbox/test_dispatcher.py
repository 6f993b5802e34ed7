"""Dispatchers: in order, until it is taken; what a failure means is decided by its kind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Hold, Rejected, Retry
from gateway.outbox.dispatcher import HOLD_S, RETRY_MOST_S, State
from tests.outboxes import Outbox
from tests.outcomes import outcome, passage
from tests.scripted_sink import ScriptedSink
from tests.servers import eventually


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "state.db")
    yield opened
    opened.close()


@pytest.fixture
def delays(outbox: Outbox) -> list[float]:
    """The pauses that dispatchers make, which then take no time."""
    taken: list[float] = []

    async def sleep(delay_s: float) -> None:
        taken.append(delay_s)
        await asyncio.sleep(0.001)

    outbox.sleep = sleep
    return taken


async def test_records_arrive_in_order_with_the_bodies_of_the_store(outbox: Outbox) -> None:
    sink = ScriptedSink()
    async with outbox.serving(sink):
        ids = outbox.append(95)
        await eventually(lambda: len(sink.accepted) == 95)
        assert sink.ids == ids
        assert all(len(batch) <= sink.max_batch for batch in sink.batches)
        stored = [m.body for m in outbox.store.movements_after(0, 200)]
        assert [record.body for record in sink.accepted] == stored
    assert sink.closed == 1


async def test_a_new_commit_wakes_the_dispatcher_at_once(outbox: Outbox) -> None:
    sink = ScriptedSink()
    async with outbox.serving(sink) as dispatchers:
        await eventually(lambda: dispatchers.statuses[0].state is State.IDLE)
        for _ in range(5):
            ids = outbox.append(1)
            await eventually(lambda ids=ids: sink.ids[-1:] == ids, deadline_s=1.0)  # type: ignore[misc]
            await eventually(lambda: dispatchers.statuses[0].state is State.IDLE)
        assert len(sink.batches) == 5, "nothing is polled for"


async def test_what_was_taken_does_not_come_again_after_a_restart(outbox: Outbox) -> None:
    first, second = ScriptedSink(), ScriptedSink()
    async with outbox.serving(first) as dispatchers:
        ids = outbox.append(25)
        await eventually(lambda: len(first.accepted) == 25)
        assert await dispatchers.drained(5.0)
    more = outbox.append(5)
    async with outbox.serving(second):
        await eventually(lambda: second.ids == more)
    assert first.ids == ids


async def test_retry_repeats_the_same_records_until_they_are_taken(
    outbox: Outbox, delays: list[float]
) -> None:
    sink = ScriptedSink()
    sink.script.extend(Retry("it is away") for _ in range(12))
    async with outbox.serving(sink) as dispatchers:
        ids = outbox.append(3)
        await eventually(lambda: sink.ids == ids)
        assert dispatchers.statuses[0].retries == 12
        assert dispatchers.statuses[0].reason is None
    assert len(delays) == 12
    assert 0.1 <= delays[0] <= 0.2
    assert max(delays) <= RETRY_MOST_S
    assert max(delays[8:]) > 10.0, "the bound grows"


async def test_a_failure_in_the_middle_of_progress_makes_no_delay_longer(
    outbox: Outbox, delays: list[float]
) -> None:
    sink = ScriptedSink()
    sink.script.extend(Retry("it is busy", progress=True) for _ in range(12))
    async with outbox.serving(sink):
        ids = outbox.append(3)
        await eventually(lambda: sink.ids == ids)
    assert len(delays) == 12
    assert max(delays) <= 0.2, "the other side works, if badly"


async def test_a_success_makes_the_next_delays_short_again(
    outbox: Outbox, delays: list[float]
) -> None:
    sink = ScriptedSink()
    async with outbox.serving(sink):
        sink.script.extend(Retry("it is away") for _ in range(10))
        outbox.append(1)
        await eventually(lambda: len(sink.accepted) == 1)
        delays.clear()
        sink.script.append(Retry("again"))
        outbox.append(1)
        await eventually(lambda: len(sink.accepted) == 2)
    assert delays
    assert delays[0] <= 0.2


async def test_a_sink_may_say_when_to_come_again(outbox: Outbox, delays: list[float]) -> None:
    sink = ScriptedSink()
    sink.script.extend([Retry("busy", after_s=7.0), Retry("mistaken", after_s=1e9)])
    async with outbox.serving(sink):
        outbox.append(1)
        await eventually(lambda: len(sink.accepted) == 1)
    assert 7.0 <= delays[0] <= 8.4
    assert delays[1] <= 1.2 * 3_600


async def test_hold_keeps_everything_and_is_told_as_an_error(
    outbox: Outbox, delays: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "gateway.outbox")
    sink = ScriptedSink("wms")
    sink.script.extend([Hold("the token is not accepted"), Hold("the token is not accepted")])
    async with outbox.serving(sink):
        ids = outbox.append(2)
        await eventually(lambda: sink.ids == ids)
    assert all(HOLD_S[0] <= delay <= HOLD_S[1] for delay in delays)
    told = [(r.levelname, r.message) for r in caplog.records if "wms" in r.message]
    assert [level for level, _ in told] == ["ERROR", "INFO"], "once per change, not per try"
    assert "the token is not accepted" in told[0][1]
    assert "wait in the outbox, trying again" in told[0][1]
    assert outbox.dead_letters() == []


async def test_a_rejected_record_is_set_aside_with_its_reason_and_the_rest_goes_on(
    outbox: Outbox,
) -> None:
    sink = ScriptedSink("wms")
    async with outbox.serving(sink) as dispatchers:
        sink.gate.clear()
        ids = outbox.append(20)
        sink.rejects = {ids[3], ids[17]}
        sink.gate.set()
        await eventually(lambda: len(sink.accepted) == 18)
        assert await dispatchers.drained(5.0)
        status = dispatchers.statuses[0]
        assert (status.delivered, status.set_aside) == (18, 2)
    assert sink.ids == [i for i in ids if i not in sink.rejects]
    letters = outbox.dead_letters()
    assert [letter.record.id for letter in letters] == [ids[3], ids[17]]
    assert {(letter.sink, letter.reason) for letter in letters} == {("wms", "not wanted")}
    bodies = {m.body for m in outbox.store.movements_after(0, 100)}
    assert {letter.record.body for letter in letters} <= bodies


async def test_a_batch_refused_as_a_whole_is_halved_down_to_the_culprit(outbox: Outbox) -> None:
    sink = ScriptedSink(max_batch=16)
    sink.gate.clear()
    async with outbox.serving(sink) as dispatchers:
        ids = outbox.append(16)
        sink.refuses_batches_with = {ids[5]}
        sink.gate.set()
        await eventually(lambda: len(sink.accepted) == 15)
        assert await dispatchers.drained(5.0)
    assert sink.ids == [i for i in ids if i != ids[5]], "order survives the halving"
    assert [letter.record.id for letter in outbox.dead_letters()] == [ids[5]]


async def test_a_mistake_in_a_sink_is_retried_and_told_with_its_traceback(
    outbox: Outbox, delays: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    sink = ScriptedSink()
    sink.script.extend([ZeroDivisionError("oops"), ZeroDivisionError("oops")])
    async with outbox.serving(sink):
        ids = outbox.append(1)
        await eventually(lambda: sink.ids == ids)
    assert len([r for r in caplog.records if r.exc_info]) == 1
    assert len(delays) == 2


async def test_opening_is_tried_until_it_works(outbox: Outbox, delays: list[float]) -> None:
    sink = ScriptedSink()
    sink.open_script.extend([Retry("away"), Hold("no"), None])
    async with outbox.serving(sink):
        ids = outbox.append(1)
        await eventually(lambda: sink.ids == ids)
    assert sink.opened == 3
    assert len(delays) == 2


async def test_a_dead_sink_delays_no_other(outbox: Outbox) -> None:
    dead, slow, good = ScriptedSink("dead"), ScriptedSink("slow"), ScriptedSink("good")
    dead.script.extend(Retry("it is away") for _ in range(1_000))
    slow.gate.clear()
    async with outbox.serving(dead, slow, good) as dispatchers:
        ids = outbox.append(50)
        await eventually(lambda: good.ids == ids)
        await eventually(lambda: dispatchers.statuses[2].pending == 0)
        by_name = {status.name: status for status in dispatchers.statuses}
        assert by_name["slow"].pending == 50
        assert by_name["dead"].pending == 50
        assert by_name["dead"].state is State.RETRYING
        assert "it is away; 50 wait in the outbox" in by_name["dead"].words
        assert by_name["dead"].oldest_us is not None
        slow.gate.set()
        await eventually(lambda: slow.ids == ids)


async def test_a_sink_gets_its_kinds_and_passes_the_others(outbox: Outbox) -> None:
    passages = ScriptedSink("passages", kinds=frozenset({"passage"}))
    everything = ScriptedSink("everything")
    async with outbox.serving(passages, everything) as dispatchers:
        outbox.append(10)
        outbox.writer.submit(outcome(99, passages=[passage(1)]))
        outbox.append(10)
        await eventually(lambda: len(everything.accepted) == 21)
        assert await dispatchers.drained(5.0)
    assert [record.kind for record in passages.accepted] == ["passage"]
    assert passages.accepted[0].key == "door-1"


async def test_drained_tells_when_something_is_left(outbox: Outbox) -> None:
    sink = ScriptedSink()
    sink.gate.clear()
    async with outbox.serving(sink) as dispatchers:
        outbox.append(1)
        await eventually(lambda: sink.batches)
        assert not await dispatchers.drained(0.05)


async def test_a_journal_that_cannot_be_read_ends_nobody(
    outbox: Outbox, delays: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    sink, failing = ScriptedSink(), [True]
    page = outbox.queue.page

    async def unreadable(*arguments: object) -> object:
        if failing:
            raise OSError("the disk is gone")
        return await page(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(outbox.queue, "page", unreadable)
    async with outbox.serving(sink) as dispatchers:
        ids = outbox.append(1)
        await eventually(lambda: dispatchers.statuses[0].state is State.RETRYING)
        assert "the disk is gone" in str(dispatchers.statuses[0].reason)
        failing.clear()
        await eventually(lambda: sink.ids == ids)
    assert delays


async def test_rejected_is_no_reason_to_stop_when_it_comes_from_a_batch_of_one(
    outbox: Outbox,
) -> None:
    sink = ScriptedSink(max_batch=1)
    sink.script.append(Rejected("not this one"))
    async with outbox.serving(sink):
        ids = outbox.append(2)
        await eventually(lambda: sink.ids == ids[1:])
    assert [letter.reason for letter in outbox.dead_letters()] == ["not this one"]


async def test_a_record_that_the_disk_has_damaged_is_set_aside_and_the_rest_goes_on(
    outbox: Outbox,
) -> None:
    sink = ScriptedSink("wms")
    sink.gate.clear()
    async with outbox.serving(sink):
        ids = outbox.append(5)
        await outbox.queue._write(
            lambda c: c.execute("UPDATE record SET body = x'00' WHERE seq = 3").rowcount
        )
        sink.gate.set()
        await eventually(lambda: len(sink.accepted) == 4)
        await eventually(lambda: len(outbox.dead_letters()) == 1)
    (letter,) = outbox.dead_letters()
    assert (letter.record.id, letter.reason) == (ids[2], "its body is damaged in the store")
