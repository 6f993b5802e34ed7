"""The queue: cursors of sinks that come, stay, go and come back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.model.delivery import Record
from gateway.outbox.queue import Queue
from gateway.store.cursors import Joining
from gateway.store.database import Store, open_store
from gateway.store.housekeeping import Keep, prune
from gateway.store.letters import REASON_CHARACTERS
from gateway.store.writer import Writer
from tests.outcomes import NOW_US, Committed, movement, outcome

MOVEMENTS = frozenset({"movement"})
KEEP_NOTHING = Keep(history_s=-1e9)


def joining(*names: str) -> list[Joining]:
    """Sinks of these names, with nothing special about them."""
    return [Joining(name=name) for name in names]


class Parts:
    def __init__(self, path: Path) -> None:
        self.store: Store = open_store(path)
        self.committed = Committed()
        self.writer = Writer(self.store, self.committed)
        self.writer.start()
        self.queue = Queue(self.store, self.writer, ManualClock(NOW_US))

    def append(self, count: int) -> None:
        """Commit `count` movements, one record each."""
        before = len(self.committed.outcomes)
        for n in range(before, before + count):
            self.writer.submit(outcome(n, [movement(n)]))
        self.committed.wait_for(before + count)

    def cursors(self) -> dict[str, tuple[int, int]]:
        with self.store.reading() as reader:
            rows = reader.connection.execute("SELECT name, delivered, retired FROM sink").fetchall()
        return {name: (delivered, retired) for name, delivered, retired in rows}


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    made = Parts(tmp_path / "state.db")
    yield made
    made.writer.stop()
    made.queue.close()
    made.store.close()


async def test_a_new_sink_begins_at_the_end(parts: Parts) -> None:
    assert await parts.queue.join(joining("first")) == {"first": 0}
    parts.append(5)
    assert await parts.queue.join(joining("first", "second")) == {"first": 0, "second": 5}


async def test_a_cursor_never_goes_back(parts: Parts) -> None:
    await parts.queue.join(joining("a"))
    parts.append(9)
    await parts.queue.settle("a", 7, {})
    await parts.queue.settle("a", 3, {})
    assert await parts.queue.join(joining("a")) == {"a": 7}


async def test_renaming_or_removing_one_sink_touches_no_other(parts: Parts) -> None:
    await parts.queue.join(joining("a", "b"))
    parts.append(10)
    await parts.queue.settle("a", 4, {})
    await parts.queue.settle("b", 6, {})
    assert await parts.queue.join(joining("b", "c")) == {"b": 6, "c": 10}
    assert parts.cursors() == {"a": (4, 1), "b": (6, 0), "c": (10, 0)}


async def test_a_sink_that_comes_back_goes_on_where_it_stopped(parts: Parts) -> None:
    await parts.queue.join(joining("a"))
    parts.append(3)
    await parts.queue.settle("a", 1, {})
    await parts.queue.join(joining())
    parts.append(3)
    assert await parts.queue.join(joining("a")) == {"a": 1}
    page = await parts.queue.page("a", 1, MOVEMENTS, 10)
    assert [record.seq for record in page.records] == [2, 3, 4, 5, 6]


async def test_a_sink_that_comes_back_too_late_is_told_what_it_missed(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await parts.queue.join(joining("a", "b"))
    parts.append(6)
    await parts.queue.join(joining("b"))
    await parts.queue.settle("b", 4, {})
    parts.writer.stop()
    assert prune(parts.store.writing, KEEP_NOTHING, NOW_US) == 4
    parts.writer = Writer(parts.store, parts.committed)
    parts.writer.start()
    queue = Queue(parts.store, parts.writer, ManualClock())
    assert await queue.join(joining("a", "b")) == {"a": 4, "b": 4}
    queue.close()
    assert "sink a was away too long: 4 records are no longer kept for it" in caplog.text


async def test_refused_records_are_kept_with_a_bounded_reason(parts: Parts) -> None:
    await parts.queue.join(joining("a"))
    parts.append(1)
    record = Record(seq=1, kind="movement", id="some id", key="k", body=b"{}")
    await parts.queue.settle("a", 1, {record: "x" * 5_000})
    await parts.queue.settle("a", 1, {record: "the same again, after a crash"})
    with parts.store.reading() as reader:
        (letter,) = reader.dead_letters(0, 10)
    assert letter.record == record
    assert letter.reason == "x" * REASON_CHARACTERS
    assert letter.set_aside_us == NOW_US


async def test_newest_is_known_without_asking_the_store(parts: Parts) -> None:
    assert parts.queue.newest == 0
    parts.append(4)
    assert parts.queue.newest == 4
