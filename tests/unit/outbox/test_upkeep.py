"""What a person does to the outbox: has dead letters tried again, drops them, releases a sink."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import Hold, Retry
from gateway.outbox.dispatcher import State
from gateway.outbox.dispatchers import Dispatchers
from gateway.outbox.running import RunningOutbox
from gateway.outbox.upkeep import OutboxError
from tests.outboxes import Outbox
from tests.scripted_sink import ScriptedSink
from tests.servers import eventually


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "state.db")
    yield opened
    opened.close()


def running(outbox: Outbox, dispatchers: Dispatchers) -> RunningOutbox:
    return RunningOutbox(outbox.store, outbox.writer, dispatchers)


async def refused(outbox: Outbox, sink: ScriptedSink, count: int, *which: int) -> list[str]:
    """Append `count` movements, of which the sink refuses those; returns all ids."""
    sink.gate.clear()
    ids = outbox.append(count)
    sink.rejects = {ids[n] for n in which}
    sink.gate.set()
    await eventually(lambda: len(outbox.dead_letters()) == len(which))
    await eventually(lambda: len(sink.accepted) == count - len(which))
    return ids


async def test_dead_letters_are_delivered_after_all_in_their_order(outbox: Outbox) -> None:
    sink = ScriptedSink("wms")
    async with outbox.serving(sink) as dispatchers:
        ids = await refused(outbox, sink, 20, 3, 9, 6)
        bodies = {letter.record.id: letter.record.body for letter in outbox.dead_letters()}
        sink.rejects.clear()
        assert await running(outbox, dispatchers).retry("wms", None) == 3
        await eventually(lambda: len(sink.accepted) == 20)
        await eventually(lambda: not outbox.dead_letters())
    assert sink.ids[-3:] == [ids[3], ids[6], ids[9]]
    assert {r.id: r.body for r in sink.accepted[-3:]} == bodies, "the very same bytes"


async def test_only_the_letters_that_are_named_are_tried_again(outbox: Outbox) -> None:
    sink = ScriptedSink("wms")
    async with outbox.serving(sink) as dispatchers:
        ids = await refused(outbox, sink, 9, 3, 6)
        seqs = [letter.record.seq for letter in outbox.dead_letters()]
        sink.rejects.clear()
        assert await running(outbox, dispatchers).retry("wms", seqs[1:]) == 1
        await eventually(lambda: sink.ids[-1] == ids[6])
        await eventually(lambda: [d.record.id for d in outbox.dead_letters()] == [ids[3]])


async def test_a_letter_that_is_refused_again_stays_and_the_rest_goes(outbox: Outbox) -> None:
    sink = ScriptedSink("wms")
    async with outbox.serving(sink) as dispatchers:
        ids = await refused(outbox, sink, 9, 2, 5)
        before = outbox.dead_letters()
        sink.rejects = {ids[2]}
        await running(outbox, dispatchers).retry("wms", None)
        await eventually(lambda: len(outbox.dead_letters()) == 1)
        (letter,) = outbox.dead_letters()
        assert (letter.record.id, letter.again) == (ids[2], False)
        assert letter.set_aside_us > before[0].set_aside_us
        assert sink.ids[-1] == ids[5]


async def test_letters_wait_while_the_sink_is_in_trouble_and_new_records_go_on(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.outbox.second_tries.FIRST_S", 0.02)
    sink = ScriptedSink("wms")
    async with outbox.serving(sink) as dispatchers:
        ids = await refused(outbox, sink, 5, 1)
        sink.rejects.clear()
        await eventually(lambda: dispatchers.statuses[0].state is State.IDLE)
        sink.script.extend([Retry("it is away")] * 3)
        await running(outbox, dispatchers).retry("wms", None)
        await eventually(lambda: not sink.script)
        more = outbox.append(5)
        await eventually(lambda: set(more) <= set(sink.ids) and ids[1] in sink.ids)
        assert dispatchers.statuses[0].retries == 0, "the way of the new records was free"
        await eventually(lambda: not outbox.dead_letters())


async def test_letters_marked_while_nothing_ran_are_tried_at_the_start(outbox: Outbox) -> None:
    first, second = ScriptedSink("wms"), ScriptedSink("wms")
    async with outbox.serving(first):
        ids = await refused(outbox, first, 5, 1, 2)
    await outbox.queue._write(lambda c: c.execute("UPDATE dead_letter SET again = 1").rowcount)
    async with outbox.serving(second):
        await eventually(lambda: second.ids == [ids[1], ids[2]])


async def test_a_held_sink_is_released_at_once(outbox: Outbox) -> None:
    sink = ScriptedSink("wms")
    sink.script.append(Hold("the token is not accepted"))
    async with outbox.serving(sink) as dispatchers:
        ids = outbox.append(3)
        await eventually(lambda: dispatchers.statuses[0].state is State.HELD)
        desk = running(outbox, dispatchers)
        (told,) = (await desk.report())["sinks"]
        assert (told["state"], told["pending"]) == ("held", 3)
        assert told["retry_at"] > told["oldest"]
        assert await desk.retry("wms", []) == 0
        await eventually(lambda: sink.ids == ids)
        await eventually(lambda: dispatchers.statuses[0].retry_at_us is None)


async def test_ending_while_a_sink_is_held_leaves_nothing_behind(outbox: Outbox) -> None:
    sink = ScriptedSink("wms")
    sink.script.append(Hold("the token is not accepted"))
    async with outbox.serving(sink) as dispatchers:
        outbox.append(1)
        await eventually(lambda: dispatchers.statuses[0].state is State.HELD)
    await asyncio.sleep(0)
    assert {task.get_name() for task in asyncio.all_tasks()} == {
        asyncio.current_task().get_name()  # type: ignore[union-attr]
    }


async def test_dropped_letters_are_gone_and_nothing_else_is(outbox: Outbox) -> None:
    sink, other = ScriptedSink("wms"), ScriptedSink("erp")
    async with outbox.serving(sink, other) as dispatchers:
        await refused(outbox, sink, 9, 1, 2, 3)
        await eventually(lambda: len(other.accepted) == 9)
        desk = running(outbox, dispatchers)
        seqs = [letter["seq"] for letter in await desk.dead_letters("wms", 0, 10)]
        assert await desk.drop("wms", seqs[:1]) == 1
        assert await desk.drop("erp", None) == 0
        assert [d["seq"] for d in await desk.dead_letters(None, 0, 10)] == seqs[1:]
        assert await desk.drop("wms", None) == 2


async def test_what_there_is_not_is_told_and_changes_nothing(outbox: Outbox) -> None:
    sink = ScriptedSink("wms")
    async with outbox.serving(sink, ScriptedSink("erp")) as dispatchers:
        await refused(outbox, sink, 3, 1)
        desk = running(outbox, dispatchers)
        with pytest.raises(OutboxError, match=r"no sink 'wsm'\. Did you mean 'wms'\?"):
            await desk.retry("wsm", None)
        with pytest.raises(OutboxError, match=r"no sink '4711'\. There are erp, wms\."):
            await desk.dead_letters("4711", 0, 10)
        (seq,) = [letter["seq"] for letter in await desk.dead_letters("wms", 0, 10)]
        with pytest.raises(OutboxError, match=r"no dead letter 99; .*Nothing was changed"):
            await desk.drop("wms", [seq, 99])
        assert len(outbox.dead_letters()) == 1


async def test_letters_of_a_removed_sink_can_be_dropped_but_not_delivered(outbox: Outbox) -> None:
    sink = ScriptedSink("old")
    async with outbox.serving(sink):
        await refused(outbox, sink, 3, 1)
    async with outbox.serving(ScriptedSink("new")) as dispatchers:
        desk = running(outbox, dispatchers)
        states = {row["name"]: row["state"] for row in (await desk.report())["sinks"]}
        assert states["old"] == "removed"
        with pytest.raises(OutboxError, match="not in the settings any more"):
            await desk.retry("old", None)
        assert await desk.drop("old", None) == 1


async def test_a_letter_that_the_disk_has_damaged_is_never_delivered(outbox: Outbox) -> None:
    sink = ScriptedSink("wms")
    async with outbox.serving(sink) as dispatchers:
        await refused(outbox, sink, 3, 1)
        await outbox.queue._write(lambda c: c.execute("UPDATE dead_letter SET body = x''").rowcount)
        sink.rejects.clear()
        await running(outbox, dispatchers).retry("wms", None)
        await eventually(lambda: "damaged" in outbox.dead_letters()[0].reason)
    assert len(sink.accepted) == 2


async def test_slow_letters_let_new_records_pass(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.outbox.second_tries.TURN_S", 0.0)
    sink = ScriptedSink("wms")
    async with outbox.serving(sink) as dispatchers:
        ids = await refused(outbox, sink, 8, 1, 2, 3, 4)
        sink.rejects.clear()
        await eventually(lambda: dispatchers.statuses[0].state is State.IDLE)
        sink.gate.clear()
        await running(outbox, dispatchers).retry("wms", None)
        await eventually(lambda: [r.id for r in sink.batches[-1]] == [ids[1]])
        (new,) = outbox.append(1)
        sink.gate.set()
        await eventually(lambda: len(sink.ids) == 9)
    assert sink.ids[-4:] == [new, ids[2], ids[3], ids[4]]
