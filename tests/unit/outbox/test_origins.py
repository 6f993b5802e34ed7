"""Sinks that are added, renamed and removed, and what that does to their queues."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model.delivery import Origin
from tests.outboxes import Outbox
from tests.scripted_sink import ScriptedSink
from tests.servers import eventually


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    opened = Outbox(tmp_path / "state.db")
    yield opened
    opened.close()


async def test_a_new_sink_may_begin_at_the_beginning(outbox: Outbox) -> None:
    async with outbox.serving(ScriptedSink("old")) as dispatchers:
        ids = outbox.append(7)
        assert await dispatchers.drained(5.0)
    new, late = ScriptedSink("new"), ScriptedSink("late")
    async with outbox.serving(new, late, origins={"new": Origin(from_beginning=True)}):
        more = outbox.append(2)
        await eventually(lambda: new.ids == ids + more)
        await eventually(lambda: late.ids == more)
    again = ScriptedSink("new")
    async with outbox.serving(again, origins={"new": Origin(from_beginning=True)}):
        last = outbox.append(1)
        await eventually(lambda: again.ids == last)  # only a new sink begins there


async def test_a_renamed_sink_goes_on_where_it_was_with_its_dead_letters(outbox: Outbox) -> None:
    first, other = ScriptedSink("wms"), ScriptedSink("erp")
    async with outbox.serving(first, other) as dispatchers:
        other.gate.clear()
        first.gate.clear()
        ids = outbox.append(20)
        first.rejects = {ids[4]}
        first.gate.set()
        await eventually(lambda: first.ids == [i for i in ids if i != ids[4]])
        await eventually(lambda: dispatchers.statuses[0].pending == 0)
        first.gate.clear()
        ids += outbox.append(10)
    renamed, same = ScriptedSink("sap"), ScriptedSink("erp")
    async with outbox.serving(renamed, same, origins={"sap": Origin(was="wms")}):
        await eventually(lambda: renamed.ids == ids[20:])
        await eventually(lambda: same.ids == ids)
    (letter,) = outbox.dead_letters()
    assert (letter.sink, letter.record.id) == ("sap", ids[4])
    with outbox.store.reading() as reader:
        names = reader.connection.execute("SELECT name FROM sink ORDER BY name").fetchall()
    assert names == [("erp",), ("sap",)]


async def test_a_rename_that_is_left_in_the_settings_does_nothing_more(outbox: Outbox) -> None:
    async with outbox.serving(ScriptedSink("wms")):
        pass
    origins = {"sap": Origin(was="wms")}
    for _ in range(2):
        sink = ScriptedSink("sap")
        async with outbox.serving(sink, origins=origins) as dispatchers:
            ids = outbox.append(3)
            await eventually(lambda sink=sink, ids=ids: sink.ids == ids)  # type: ignore[misc]
            assert await dispatchers.drained(5.0)


async def test_a_name_that_is_still_in_use_is_not_taken_over(outbox: Outbox) -> None:
    wms = ScriptedSink("wms")
    wms.gate.clear()
    async with outbox.serving(wms):
        ids = outbox.append(3)
    wms, sap = ScriptedSink("wms"), ScriptedSink("sap")
    async with outbox.serving(wms, sap, origins={"sap": Origin(was="wms")}):
        await eventually(lambda: wms.ids == ids)
    assert sap.ids == []
