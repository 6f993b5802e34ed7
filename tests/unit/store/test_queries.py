"""Questions to the store: pages of history, passages, dead letters, and pages for sinks."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model.delivery import TIME_SERIES_SINK
from gateway.store.database import Store, open_store
from gateway.store.ids import packed, unpacked
from gateway.store.queries import SCAN_ROWS
from gateway.store.writer import Writer
from tests.outcomes import alert, epc_of, movement, outcome, passage

ALL = frozenset({"movement", "passage", "alert"})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Twelve movements of four tags, a passage after every third."""
    opened = open_store(tmp_path / "state.db")
    writer = Writer(opened, lambda _: None)
    for n in range(12):
        passages = [passage(n, f"door-{n % 2}")] if n % 3 == 2 else []
        writer.submit(outcome(n, [movement(n % 4, n // 4 + 1)], passages=passages))
    writer.start()
    assert writer.stop()
    yield opened
    opened.close()


def seqs_of(connection: sqlite3.Connection) -> list[int]:
    return [seq for (seq,) in connection.execute("SELECT seq FROM record ORDER BY seq")]


def test_movements_are_paged_from_the_beginning_by_cursor(store: Store) -> None:
    bodies, cursor = [], 0
    while page := store.movements_after(cursor, 5):
        bodies += [m.body for m in page]
        cursor = page[-1].cursor
    assert bodies == [movement(n % 4, n // 4 + 1).to_json() for n in range(12)]


def test_a_tags_history_comes_newest_first_and_in_pages(store: Store) -> None:
    epc = bytes.fromhex(epc_of(2))
    newest = store.movements_of(epc, 2)
    assert [m.body for m in newest] == [movement(2, 3).to_json(), movement(2, 2).to_json()]
    with store.reading() as reader:
        rest = reader.movements_of(epc, 10, before=newest[-1].cursor)
    assert [m.body for m in rest] == [movement(2, 1).to_json()]
    assert store.movements_of(b"unknown", 10) == []


def test_passages_come_newest_first_of_all_doors_or_one(store: Store) -> None:
    with store.reading() as reader:
        every = reader.passages_before(2**62, 10)
        assert [p.body for p in every] == [
            passage(n, f"door-{n % 2}").to_json() for n in (11, 8, 5, 2)
        ]
        one = reader.passages_before(every[0].cursor, 10, door="door-1")
        assert [p.body for p in one] == [passage(5, "door-1").to_json()]


def test_counts_tell_how_much_there_is(store: Store) -> None:
    counts = store.counts()
    assert (counts.tags, counts.movements, counts.passages) == (4, 12, 4)
    assert counts.newest == 16
    assert counts.dead_letters == 0
    assert counts.bytes > 0


def test_a_sinks_pages_hold_every_record_of_its_kinds_once(store: Store) -> None:
    with store.reading() as reader:
        for kinds, expected in ((ALL, 16), (frozenset({"passage"}), 4), (frozenset({"alert"}), 0)):
            found, after = [], 0
            while (page := reader.page(after, kinds, 3)).upto > after:
                found += page.records
                after = page.upto
            assert after == 16
            assert len(found) == expected
            assert [r.seq for r in found] == sorted(r.seq for r in found)
            assert {r.kind for r in found} <= kinds


def test_a_page_does_not_look_through_the_whole_journal_at_once(store: Store) -> None:
    store.writing.execute("BEGIN")
    store.writing.executemany(
        "INSERT INTO record VALUES (?, 'movement', ?, 0, '', 0, x'', NULL)",
        [(seq, str(seq)) for seq in range(100, 2 * SCAN_ROWS)],
    )
    store.writing.execute("COMMIT")
    with store.reading() as reader:
        page = reader.page(50, frozenset({"passage"}), 10)
    assert page.records == []
    assert page.upto == 50 + SCAN_ROWS
    assert page.newest == 2 * SCAN_ROWS - 1


def test_records_carry_what_sinks_need(store: Store) -> None:
    with store.reading() as reader:
        first, second, third = reader.page(0, ALL, 4).records[1:]
    assert first.kind == "movement"
    assert first.id == movement(1, 1).id
    assert first.key == epc_of(1)
    assert first.body == movement(1, 1).to_json()
    assert third.kind == "passage"
    assert third.id == "passage-2"
    assert third.key == "door-0"
    assert second.seq + 1 == third.seq


@pytest.mark.parametrize(
    "id_",
    [
        str(uuid.uuid4()),
        str(uuid.uuid4()).upper(),
        uuid.uuid4().hex,
        "sixteen octets!!",
        "x" * 36,
        "",
        "urn:uuid:5d9f9f5e-33f4-4b9a-9d2e-1f2c3a4b5c6d",
        "{5d9f9f5e-33f4-4b9a-9d2e-1f2c3a4b5}",
    ],
)
def test_ids_come_back_letter_for_letter(id_: str) -> None:
    assert unpacked(packed(id_)) == id_


def test_the_ids_of_movements_are_stored_small() -> None:
    assert isinstance(packed(movement().id), bytes)
    assert len(packed(movement().id)) == 16


def test_a_record_with_targets_goes_to_these_sinks_and_to_no_other(store: Store) -> None:
    store.writing.execute("BEGIN")
    rows = [(21, "movement", None), (22, "alert", " b "), (23, "message", " a b ")]
    store.writing.executemany(
        "INSERT INTO record VALUES (?, ?, ?, 0, '', 0, x'', ?)",
        [(seq, kind, str(seq), targets) for seq, kind, targets in rows],
    )
    store.writing.execute("COMMIT")
    with store.reading() as reader:
        for sink, kinds, seqs in (
            ("a", {"movement"}, [21, 23]),
            ("b", {"movement"}, [21, 22, 23]),
            ("c", {"movement", "alert"}, [21]),
        ):
            page = reader.page(16, frozenset(kinds), 10, sink)
            assert [record.seq for record in page.records] == seqs


def test_the_time_series_has_every_alert_whoever_is_told(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state.db")
    writer = Writer(store, lambda _: None)
    writer.start()
    told = [alert(id="routed", targets=("pager",)), alert(id="to-all", fingerprint="other")]
    writer.submit(outcome(alerts=told))
    writer.stop()
    with store.reading() as reader:
        for sink, kinds, ids in (
            (TIME_SERIES_SINK, {"alert"}, ["routed", "to-all"]),
            ("pager", {"movement"}, ["routed"]),
            ("log", {"alert"}, ["to-all"]),
        ):
            page = reader.page(0, frozenset(kinds), 10, sink)
            assert [record.id for record in page.records] == ids
    store.close()
