"""Bodies in the store: small, and octet for octet what they were."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.store import bodies
from gateway.store.bodies import FIRST_AFTER, Packer, Unpacker
from gateway.store.database import Store, open_store
from gateway.store.faults import DamagedError
from gateway.store.housekeeping import Keep, prune
from gateway.store.writer import Writer
from tests.outcomes import Committed, movement, outcome

EVIDENCE = {
    "reads": [{"antenna": f"dock-{n}/1", "weight": 1.5, "rssi_dbm": -60.5 - n} for n in range(6)],
    "runner_up": {"zone": "staging-4", "probability": 0.077},
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "state.db")
    yield opened
    opened.close()


def write(store: Store, first: int, count: int) -> list[bytes]:
    """Commit movements one by one; their bodies as they were told."""
    committed = Committed()
    writer = Writer(store, committed)
    told = [movement(n, n, evidence=EVIDENCE) for n in range(first, first + count)]
    for one in told:
        writer.submit(outcome(one.seq, [one]))
    writer.start()
    assert writer.stop()
    return [one.to_json() for one in told]


def dictionaries(store: Store) -> list[int]:
    rows = store.writing.execute("SELECT first_seq FROM dictionary ORDER BY first_seq")
    return [first for (first,) in rows]


def test_bodies_come_back_as_they_were_over_dictionaries_and_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "RENEWED_AFTER", 100)
    told: list[bytes] = []
    for start in range(3):
        store = open_store(tmp_path / "state.db")
        told += write(store, start * 150, 150)
        store.close()
    store = open_store(tmp_path / "state.db")
    assert [m.body for m in store.movements_after(0, 1_000)] == told
    assert len(dictionaries(store)) >= 3
    store.close()


def test_with_a_dictionary_a_body_takes_a_third(store: Store) -> None:
    told = write(store, 0, 3 * FIRST_AFTER)
    query = "SELECT sum(length(body)) FROM record WHERE seq > ?"
    (stored,) = store.writing.execute(query, (2 * FIRST_AFTER,)).fetchone()
    assert stored < sum(map(len, told[2 * FIRST_AFTER :])) / 3


def test_a_dictionary_that_was_rolled_back_is_not_used(store: Store) -> None:
    packer, connection = Packer(store.writing), store.writing
    for _ in range(2):
        connection.execute("BEGIN")
        stored = [packer.pack(connection, n, b'{"n":%d}' % n) for n in range(2 * FIRST_AFTER)]
        connection.execute("ROLLBACK")
        packer.forget()
        with pytest.raises(DamagedError, match="dictionary"):
            Unpacker(connection).unpack(stored[-1])
    connection.execute("BEGIN")
    stored = [packer.pack(connection, n, b'{"n":%d}' % n) for n in range(2 * FIRST_AFTER)]
    connection.execute("COMMIT")
    packer.settle()
    unpacker = Unpacker(connection)
    assert [unpacker.unpack(one) for one in stored] == [
        b'{"n":%d}' % n for n in range(2 * FIRST_AFTER)
    ]


def test_dictionaries_go_with_the_last_record_that_needs_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "RENEWED_AFTER", 200)
    told = write(store, 0, 1_000)
    assert len(dictionaries(store)) == 5
    everything = Keep(history_s=-1e9)
    assert prune(store.writing, everything, 2**62) == 500
    assert [m.body for m in store.movements_after(0, 1_000)] == told[500:]
    assert len(dictionaries(store)) == 3
    assert prune(store.writing, everything, 2**62) == 500
    assert len(dictionaries(store)) >= 1, "the writer goes on with the newest"


def test_a_damaged_body_is_noticed_and_the_others_come(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    told = write(store, 0, 5)
    (stored,) = store.writing.execute("SELECT body FROM record WHERE seq = 3").fetchone()
    flipped = bytes([*stored[:40], stored[40] ^ 4, *stored[41:]])
    store.writing.execute("UPDATE record SET body = ? WHERE seq = 3", (flipped,))
    assert [m.body for m in store.movements_after(0, 10)] == [*told[:2], *told[3:]]
    with store.reading() as reader:
        page = reader.page(0, frozenset({"movement"}), 10)
    assert [record.body for record in page.records] == [*told[:2], b"", *told[3:]]
    assert "record 3: a record's body is damaged" in caplog.text


@given(stored=st.binary(max_size=200))
def test_whatever_is_in_the_file_gives_a_body_or_says_that_it_is_damaged(stored: bytes) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE TABLE dictionary (number INTEGER, first_seq, content BLOB)")
        with contextlib.suppress(DamagedError):
            Unpacker(connection).unpack(stored)
    finally:
        connection.close()


def test_bodies_that_cannot_be_made_smaller_are_kept_too(store: Store) -> None:
    packer = Packer(store.writing)
    body = os.urandom(50_000)
    assert Unpacker(store.writing).unpack(packer.pack(store.writing, 1, body)) == body
    assert Unpacker(store.writing).unpack(packer.pack(store.writing, 2, b"")) == b""
