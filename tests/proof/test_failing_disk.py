"""A disk that refuses for a while, in every way: movements wait, and none is lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.store import writer as writer_module
from gateway.store.database import open_store
from gateway.store.writer import Writer
from tests.outcomes import Committed, movement, outcome
from tests.proof.recorded_disk import recording
from tests.servers import wait_until

FAULTS = {
    "read-only": (sqlite3.SQLITE_READONLY, "read-only"),
    "full": (sqlite3.SQLITE_FULL, "full"),
    "failing writes": (sqlite3.SQLITE_IOERR_WRITE, "I/O error"),
    "failing flushes": (sqlite3.SQLITE_IOERR_FSYNC, "I/O error"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_movements_wait_in_order_while_the_disk_refuses_and_are_stored_when_it_does_not(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "RETRY_FIRST_S", 0.01)
    monkeypatch.setattr(writer_module, "RETRY_MOST_S", 0.05)
    code, words = FAULTS[fault]
    committed = Committed()
    with recording(tmp_path) as disk:
        store = open_store(tmp_path / "state.db")
        writer = Writer(store, committed)
        writer.start()
        writer.submit(outcome(1, [movement(1, 1)]))
        committed.wait_for(1)
        disk.fails_with = code
        for number in range(2, 12):
            writer.submit(outcome(number, [movement(1, number)]))
        wait_until(lambda: writer.failures > 2)
        assert words in (writer.trouble or "")
        assert committed.numbers == [1]
        assert [m.cursor for m in store.movements_after(0, 10)] == [1], "reading goes on"
        disk.fails_with = None
        committed.wait_for(11)
        wait_until(lambda: writer.trouble is None)
        assert writer.stop()
        store.close()
    assert committed.numbers == list(range(1, 12))
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute("SELECT seq FROM movement ORDER BY record").fetchall()
    assert [seq for (seq,) in rows] == list(range(1, 12))
