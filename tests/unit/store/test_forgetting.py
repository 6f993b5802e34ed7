"""Forgotten tags leave the store with what makes their ids safe, and are not loaded again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model.movement import Presence
from gateway.model.outcome import Outcome, TagRow
from gateway.store.database import Store, open_store
from gateway.store.forgetting import forget_gone
from gateway.store.writer import Writer

DAY_US = 86_400_000_000
NOW_US = 20_000 * DAY_US


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "state.db")
    yield opened
    opened.close()


def tag(number: int, presence: Presence, unread_days: int, seq: int = 1) -> TagRow:
    last_us = NOW_US - unread_days * DAY_US
    zone = None if presence is Presence.DEPARTED else "bin-1"
    return TagRow(
        epc=number.to_bytes(12),
        zone=zone,
        presence=presence,
        since_us=last_us,
        last_us=last_us,
        seq=seq,
        confidence=0.9,
    )


def write(store: Store, *outcomes: Outcome) -> None:
    writer = Writer(store, lambda _: None)
    for outcome in outcomes:
        writer.submit(outcome)
    writer.start()
    assert writer.stop()


def known(store: Store) -> list[int]:
    return sorted(int.from_bytes(epc) for epc in store.load_tags().epcs)


def test_what_is_forgotten_leaves_in_the_order_in_which_it_was_said(store: Store) -> None:
    rows = [tag(n, Presence.MISSING, 40, seq=n) for n in (1, 2, 3)]
    write(
        store,
        Outcome(number=1, now_us=NOW_US, tags=rows),
        Outcome(number=2, now_us=NOW_US, forgotten=[r.epc for r in rows], seq_start=3),
        Outcome(number=3, now_us=NOW_US, tags=[tag(2, Presence.PRESENT, 0, seq=4)]),
    )
    assert known(store) == [2]
    assert store.load_tags().seq_start == 3
    last = tag(2, Presence.MISSING, 0, seq=5)
    write(store, Outcome(number=4, now_us=NOW_US, forgotten=[last.epc], tags=[last]))
    assert store.load_tags().seq.tolist() == [5], "in one outcome it was forgotten first"


def test_at_the_start_those_go_that_are_gone_for_long(store: Store) -> None:
    rows = [
        tag(1, Presence.MISSING, 31, seq=70),
        tag(2, Presence.DEPARTED, 31, seq=90),
        tag(3, Presence.PRESENT, 400, seq=200),
        tag(4, Presence.MISSING, 29, seq=300),
    ]
    write(store, Outcome(number=1, now_us=NOW_US, tags=rows))
    assert forget_gone(store.writing, NOW_US - 30 * DAY_US, 1_000) == 2
    assert known(store) == [3, 4]
    assert store.load_tags().seq_start == 90
    assert forget_gone(store.writing, NOW_US - 30 * DAY_US, 1_000) == 0
    assert forget_gone(store.writing, NOW_US - 28 * DAY_US, 1_000) == 1
    assert store.load_tags().seq_start == 300
    store.writing.execute("UPDATE meta SET value = '999' WHERE name = 'seq_start'")
    write(store, Outcome(number=2, now_us=NOW_US, tags=[tag(5, Presence.MISSING, 50, seq=7)]))
    assert forget_gone(store.writing, NOW_US - 30 * DAY_US, 1_000) == 1
    assert store.load_tags().seq_start == 999, "it never goes back"


def test_at_the_start_no_more_are_known_than_may_be_but_for_those_present(store: Store) -> None:
    rows = [tag(n, Presence.MISSING, n) for n in range(1, 21)]
    rows += [tag(n, Presence.PRESENT, 300) for n in range(100, 105)]
    write(store, Outcome(number=1, now_us=NOW_US, tags=rows))
    assert forget_gone(store.writing, NOW_US - 30 * DAY_US, 15) == 10
    assert known(store) == [*range(1, 11), *range(100, 105)]
    assert forget_gone(store.writing, NOW_US - 8 * DAY_US, 3) == 10
    assert known(store) == [*range(100, 105)]


def test_a_store_that_cannot_be_written_forgets_nothing(store: Store) -> None:
    write(store, Outcome(number=1, now_us=NOW_US, tags=[tag(1, Presence.MISSING, 99)]))
    store.writing.execute("PRAGMA query_only = 1")
    assert forget_gone(store.writing, NOW_US, 10) == 0
    store.writing.execute("PRAGMA query_only = 0")
    assert known(store) == [1]
    with pytest.raises(sqlite3.Error):
        store.writing.execute("SELECT nothing")
