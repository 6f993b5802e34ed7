"""Room: how much is left and for how long, and what goes when the settings let it go."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.cursors import Joining, cursors, join
from gateway.store.database import Store, open_store
from gateway.store.housekeeping import Keep, prune
from gateway.store.letting_go import forget_removed, let_go
from gateway.store.room import room
from gateway.store.writer import Writer
from tests.outcomes import NOW_US, Committed, movement, outcome, passage
from tests.servers import wait_until

MOVEMENTS = frozenset({"movement"})
HOUR_US = 3_600_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "state.db", limit_bytes=16_000_000)
    yield opened
    opened.close()


def sinks(store: Store, **delivered: int) -> None:
    join(store.writing, [Joining(name=name, kinds=MOVEMENTS) for name in delivered], NOW_US)
    for name, upto in delivered.items():
        store.writing.execute("UPDATE sink SET delivered = ? WHERE name = ?", (upto, name))


def write(store: Store, count: int, *, every_us: int = 1_000_000, first: int = 0) -> None:
    """Movements and passages in turn, one record every second."""
    writer = Writer(store, lambda _: None)
    for n in range(first, first + count):
        at_us = NOW_US + n * every_us
        if n % 2:
            writer.submit(outcome(n, passages=[passage(n, record_time_us=at_us)]))
        else:
            writer.submit(outcome(n, [movement(n, 1, record_time_us=at_us)]))
    writer.start()
    assert writer.stop()


def delivered(store: Store) -> dict[str, tuple[int, int]]:
    return {c.name: (c.delivered, c.let_go) for c in cursors(store.writing)}


def test_nothing_that_waits_goes_unless_the_settings_say_so(store: Store) -> None:
    write(store, 20)
    sinks(store, slow=3)
    assert let_go(store.writing, Keep(), NOW_US + 1_000 * HOUR_US, urgent=True) == 0
    assert delivered(store) == {"slow": (3, 0)}


def test_what_a_sink_has_not_taken_for_too_long_goes_for_it_alone_and_is_counted(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    write(store, 20)
    sinks(store, slow=3, fast=20, other=15)
    keep = Keep(max_age_s=10.0)
    # record n was committed at second n - 1, so 1 to 10 are over ten seconds old at second 20
    assert let_go(store.writing, keep, NOW_US + 20_000_000) == 3
    assert delivered(store) == {"slow": (10, 3), "fast": (20, 0), "other": (15, 0)}
    assert "sink slow loses 3 records, because they waited for over 10 s" in caplog.text
    assert let_go(store.writing, keep, NOW_US + 20_000_000) == 0


def test_a_full_store_makes_the_sink_that_is_furthest_behind_lose_its_oldest(store: Store) -> None:
    write(store, 20)
    sinks(store, behind=2, near=18)
    assert let_go(store.writing, Keep(let_go_when_full=True), NOW_US) == 0, "it is not full"
    assert let_go(store.writing, Keep(let_go_when_full=True), NOW_US, urgent=True) == 9
    assert delivered(store) == {"behind": (20, 9), "near": (18, 0)}


def test_records_of_kinds_that_the_sink_does_not_take_are_no_loss(store: Store) -> None:
    write(store, 2)
    sinks(store, slow=1)  # what waits is a passage
    assert let_go(store.writing, Keep(max_age_s=1.0), NOW_US + HOUR_US) == 0
    assert delivered(store) == {"slow": (2, 0)}


@pytest.mark.parametrize("lets_go", [False, True])
def test_a_store_at_its_limit_waits_or_goes_on_as_the_settings_say(
    tmp_path: Path, lets_go: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "gateway.store.writer")
    store = open_store(tmp_path / "small.db", limit_bytes=800_000)
    committed = Committed()
    writer = Writer(store, committed, keep=Keep(let_go_when_full=lets_go))
    sinks(store, dead=0)
    for n in range(60):
        writer.submit(outcome(n, [movement(n * 100 + m, 1) for m in range(100)]))
    writer.start()
    try:
        if lets_go:
            wait_until(lambda: writer.pending == 0, 30.0)
            wait_until(lambda: delivered_by_reader(store)["dead"][1] > 0)
        else:
            wait_until(lambda: writer.trouble is not None, 30.0)
            assert "full" in str(writer.trouble)
            assert delivered_by_reader(store)["dead"] == (0, 0)
    finally:
        writer.stop(timeout_s=0.1)
        store.close()
    assert (tmp_path / "small.db").stat().st_size <= 800_000


def delivered_by_reader(store: Store) -> dict[str, tuple[int, int]]:
    with store.reading() as reader:
        return {c.name: (c.delivered, c.let_go) for c in cursors(reader.connection)}


def test_a_removed_sink_may_come_back_for_a_while(store: Store) -> None:
    write(store, 20)
    sinks(store, gone=5, stays=10)
    join(store.writing, [Joining(name="stays")], NOW_US)
    keep = Keep(removed_s=3600.0)
    assert forget_removed(store.writing, keep, NOW_US + HOUR_US) == 0
    back = [Joining(name="gone"), Joining(name="stays")]
    assert join(store.writing, back, NOW_US) == {"gone": 5, "stays": 10}
    join(store.writing, [Joining(name="stays")], NOW_US)
    join(store.writing, [Joining(name="stays")], NOW_US + HOUR_US)  # a restart changes nothing
    assert forget_removed(store.writing, keep, NOW_US + HOUR_US + 1) == 1
    assert join(store.writing, back, NOW_US) == {"gone": 20, "stays": 10}, "it begins as new"


def test_a_removed_sink_holds_nothing_back(store: Store) -> None:
    write(store, 20)
    sinks(store, gone=5, stays=10)
    join(store.writing, [Joining(name="stays")], NOW_US)
    assert prune(store.writing, Keep(history_s=0.0), NOW_US + HOUR_US) == 10


def test_room_is_told_in_hours_at_the_recent_rate(store: Store) -> None:
    empty = room(store.writing)
    assert (empty.hours, empty.behind, empty.trouble) == (None, None, None)
    write(store, 1_200)  # one a second: twenty minutes
    sinks(store, slow=0)
    found = room(store.writing)
    assert found.behind == "slow"
    assert found.bytes_per_hour == pytest.approx(3_600 * 350, rel=0.3)
    assert found.hours == pytest.approx(found.free_bytes / found.bytes_per_hour)
    assert found.free_bytes <= found.limit_bytes - found.used_bytes
    sinks(store, slow=1_200)
    settled = room(store.writing)
    assert settled.behind is None
    assert settled.free_bytes > found.free_bytes, "delivered history makes room when it has to"


def test_little_room_is_a_trouble_only_when_something_waits(store: Store) -> None:
    write(store, 1_500)
    limit_bytes = room(store.writing).used_bytes + 20_000
    sinks(store, erp=1_500, wms=0)
    trouble = room(store.writing, limit_bytes).trouble
    assert trouble is not None
    assert trouble.startswith("The outbox is nearly full: 0 MB are left, for about")
    assert "the sink wms is furthest behind" in trouble
    sinks(store, erp=1_500, wms=1_500)
    assert room(store.writing, limit_bytes).trouble is None
