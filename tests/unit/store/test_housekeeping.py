"""What the journal keeps, and what it lets go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import housekeeping
from gateway.store.database import Store, open_store
from gateway.store.housekeeping import PAGE_ROWS, Keep, prune
from gateway.store.writer import Writer
from tests.outcomes import NOW_US, movement, outcome, passage

HISTORY = Keep(history_s=100.0)
LATER_US = NOW_US + 200_000_000
IN_2100_US = 4_102_444_800_000_000
RECORDS = 20


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Twenty records, movements and passages in turn; a second lies between two."""
    opened = open_store(tmp_path / "state.db")
    writer = Writer(opened, lambda _: None)
    for n in range(RECORDS // 2):
        at_us = NOW_US + n * 1_000_000
        writer.submit(
            outcome(
                n,
                [movement(1, n + 1, record_time_us=at_us)],
                passages=[passage(n, record_time_us=at_us)],
            )
        )
    writer.start()
    assert writer.stop()
    yield opened
    opened.close()


def sinks(store: Store, **delivered: int) -> None:
    for name, upto in delivered.items():
        retired = name.startswith("retired")
        store.writing.execute(
            "INSERT INTO sink (name, delivered, retired) VALUES (?, ?, ?)",
            (name, upto, int(retired)),
        )


def left(store: Store) -> list[int]:
    rows = store.writing.execute("SELECT seq FROM record ORDER BY seq").fetchall()
    parts = store.writing.execute(
        "SELECT record FROM movement UNION ALL SELECT record FROM passage ORDER BY 1"
    ).fetchall()
    assert rows == parts, "a record and its row as movement or passage go together"
    return [seq for (seq,) in rows]


def test_what_is_not_delivered_stays_however_old_it_is(store: Store) -> None:
    sinks(store, fast=RECORDS, slow=8)
    assert prune(store.writing, HISTORY, LATER_US) == 8
    assert left(store) == list(range(9, RECORDS + 1))
    assert prune(store.writing, HISTORY, LATER_US) == 0


def test_what_is_delivered_stays_as_history_for_its_time(store: Store) -> None:
    sinks(store, fast=RECORDS)
    assert prune(store.writing, HISTORY, NOW_US + 50_000_000) == 0
    assert prune(store.writing, HISTORY, NOW_US + 104_000_000) == 10
    assert left(store) == list(range(11, RECORDS + 1))


def test_a_sink_that_is_no_longer_configured_holds_nothing_back(store: Store) -> None:
    sinks(store, fast=RECORDS, retired_slow=0)
    assert prune(store.writing, HISTORY, LATER_US) == RECORDS


def test_without_any_sink_only_time_counts(store: Store) -> None:
    assert prune(store.writing, HISTORY, NOW_US) == 0
    assert prune(store.writing, HISTORY, LATER_US) == RECORDS


def test_when_room_is_short_history_goes_before_its_time_but_nothing_undelivered(
    store: Store,
) -> None:
    sinks(store, slow=5)
    assert prune(store.writing, HISTORY, NOW_US, urgent=True) == 5
    assert prune(store.writing, Keep(fill=0.0), NOW_US) == 0
    assert left(store) == list(range(6, RECORDS + 1))


def test_history_goes_in_pages(tmp_path: Path) -> None:
    store = open_store(tmp_path / "big.db")
    writer = Writer(store, lambda _: None)
    writer.submit(outcome(1, [movement(1, n) for n in range(PAGE_ROWS + 10)]))
    writer.start()
    assert writer.stop()
    assert prune(store.writing, HISTORY, LATER_US) == PAGE_ROWS
    assert prune(store.writing, HISTORY, LATER_US) == 10
    store.close()


def test_numbers_of_removed_records_are_never_used_again(store: Store) -> None:
    assert prune(store.writing, HISTORY, LATER_US) == RECORDS
    writer = Writer(store, lambda _: None)
    assert writer.newest == RECORDS
    writer.submit(outcome(1, [movement(2, 1)]))
    writer.start()
    assert writer.stop()
    assert left(store) == [RECORDS + 1]


def test_the_writer_removes_what_is_over_by_itself(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.store.writer.TIDY_S", 0.0)
    writer = Writer(store, lambda _: None, keep=Keep(history_s=0.0))
    writer.start()
    writer.submit(outcome(1, [movement(3, 1, record_time_us=IN_2100_US)]))
    assert writer.stop()
    assert left(store) == [RECORDS + 1]


def test_the_oldest_dead_letters_go_when_there_are_too_many(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    for seq in range(10):
        store.writing.execute(
            "INSERT INTO dead_letter (sink, seq, kind, id, key, reason, set_aside_us, body) "
            "VALUES ('a', ?, 'movement', 'x', 'k', 'no', 0, x'')",
            (seq,),
        )
    keep = Keep(dead_letters=4)
    assert housekeeping.bound_dead_letters(store.writing, keep) == 6
    assert housekeeping.bound_dead_letters(store.writing, keep) == 0
    rows = store.writing.execute("SELECT seq FROM dead_letter ORDER BY seq").fetchall()
    assert rows == [(6,), (7,), (8,), (9,)]
    assert "the oldest 6 of them were removed" in caplog.text
