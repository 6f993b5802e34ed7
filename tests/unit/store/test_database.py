"""Opening a store: made, kept, moved to a newer schema — and set aside when it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gateway.errors import StoreError
from gateway.model.movement import Presence
from gateway.store import schema
from gateway.store.database import Store, open_store
from gateway.store.writer import Writer
from tests.outcomes import epc_of, movement, outcome, tag_row


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "state.db"


def filled(path: Path, tags: int = 3) -> None:
    """A closed store with some tags and movements in it."""
    store = open_store(path)
    write(store, [outcome(n, [movement(n)]) for n in range(tags)])
    store.close()


def write(store: Store, outcomes: list[object]) -> None:
    writer = Writer(store, lambda _: None)
    for one in outcomes:
        writer.submit(one)  # type: ignore[arg-type]
    writer.start()
    assert writer.stop()


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with_store = open_store(path)
    yield with_store
    with_store.close()


def test_a_new_store_is_made_with_its_folder(path: Path) -> None:
    store = open_store(path)
    assert store.quarantined is None
    assert len(store.load_tags()) == 0
    assert store.counts().movements == 0
    store.close()


def test_what_was_committed_is_there_after_opening_again(path: Path) -> None:
    filled(path, tags=5)
    store = open_store(path)
    assert store.quarantined is None
    assert store.counts().movements == 5
    assert sorted(store.load_tags().epcs) == [bytes.fromhex(epc_of(n)) for n in range(5)]
    store.close()


def test_tags_come_back_as_columns_exactly_as_they_were_stored(store: Store) -> None:
    rows = [
        tag_row(1, 7, "staging-1", confidence=0.25),
        tag_row(2, 4_294_967_295, None, presence=Presence.DEPARTED),
        tag_row(3, 0, "a zone, named oddly: é", epc=b"", since_us=-5),
        tag_row(4, 1, "staging-1", epc=b"\xff" * 62, last_us=2**62),
    ]
    write(store, [outcome(1, tags=rows)])
    columns = store.load_tags()
    stored = {
        epc: (
            columns.zone_ids[columns.zones[n]] if columns.zones[n] >= 0 else None,
            Presence(columns.presence[n]),
            int(columns.since_us[n]),
            int(columns.last_us[n]),
            int(columns.seq[n]),
            float(columns.confidence[n]),
        )
        for n, epc in enumerate(columns.epcs)
    }
    assert stored == {
        r.epc: (r.zone, r.presence, r.since_us, r.last_us, r.seq, r.confidence) for r in rows
    }
    assert columns.seq.dtype == np.uint32


def test_a_tag_written_again_replaces_its_row(store: Store) -> None:
    write(store, [outcome(1, [movement(1, 1)]), outcome(2, [movement(1, 2, to_zone="bin")])])
    columns = store.load_tags()
    assert len(columns) == 1
    assert columns.seq[0] == 2
    assert columns.zone_ids[columns.zones[0]] == "bin"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda p: p.write_bytes(b"not a database at all"), id="text"),
        pytest.param(lambda p: p.write_bytes(p.read_bytes()[:5_000]), id="truncated"),
        pytest.param(lambda p: p.write_bytes(b"\0" * 8_192), id="zeros"),
        pytest.param(lambda p: (p.unlink(), p.mkdir()), id="a folder"),
        pytest.param(lambda p: run_sql(p, "DROP TABLE movement"), id="a table missing"),
        pytest.param(lambda p: run_sql(p, "ALTER TABLE tag ADD COLUMN x INT"), id="a column more"),
        pytest.param(lambda p: run_sql(p, "PRAGMA user_version = 9"), id="version contradicted"),
        pytest.param(lambda p: run_sql(p, "DELETE FROM meta"), id="version missing"),
        pytest.param(lambda p: run_sql(p, "PRAGMA application_id = 1"), id="of something else"),
        pytest.param(
            lambda p: run_sql(p, "INSERT INTO zone VALUES (9, CAST(x'ff' AS TEXT))"),
            id="text not UTF-8",
        ),
        pytest.param(lambda p: flip(p, 18), id="file format of the future"),
        pytest.param(lambda p: flip(p, 16), id="page size"),
        pytest.param(lambda p: flip(p, 59), id="text encoding"),
    ],
)
def test_a_damaged_store_is_set_aside_and_a_new_one_begun(path: Path, spoil: object) -> None:
    filled(path)
    spoil(path)  # type: ignore[operator]
    store = open_store(path)
    assert store.quarantined is not None
    assert store.quarantined.exists()
    assert store.quarantined.name.startswith("state.db.damaged-")
    assert len(store.load_tags()) == 0
    write(store, [outcome(1, [movement(1)])])
    assert store.counts().movements == 1
    store.close()
    again = open_store(path)
    assert again.quarantined is None
    again.close()


def test_no_number_of_a_store_that_was_set_aside_is_given_again(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"this is no database " * 1_000)
    before = int(time.time())
    store = open_store(path)
    assert store.load_tags().seq_floor >= before
    store.close()
    again = open_store(path)
    assert again.load_tags().seq_floor >= before
    again.close()
    path.unlink()
    fresh = open_store(path)
    assert fresh.load_tags().seq_floor == 0
    fresh.close()


def test_wal_and_shm_are_set_aside_with_the_store(path: Path) -> None:
    filled(path)
    path.write_bytes(b"rubbish" * 1_000)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).write_bytes(b"rubbish")
    store = open_store(path)
    assert store.quarantined is not None
    aside = store.quarantined
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"rubbish"
    assert aside.with_name(aside.name + "-shm").exists()
    store.close()


def test_an_empty_file_is_a_new_store(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    store = open_store(path)
    assert store.quarantined is None
    store.close()


def test_a_store_of_a_newer_gateway_is_left_alone_with_a_sentence(path: Path) -> None:
    filled(path)
    run_sql(path, "PRAGMA user_version = 99", "UPDATE meta SET value = '99' WHERE name = 'schema'")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"written by a newer gateway \(schema 99, this one knows"):
        open_store(path)
    assert path.read_bytes() == before


def test_a_second_gateway_on_the_same_folder_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="another gateway is running on"):
        open_store(store.path)


def test_the_lock_is_given_free_when_opening_fails_and_when_closing(path: Path) -> None:
    filled(path)
    run_sql(path, "PRAGMA user_version = 99", "UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(StoreError):
        open_store(path)
    path.unlink()
    open_store(path).close()
    open_store(path).close()


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot hold the store: .*; it must be writable"):
        open_store(tmp_path / "file" / "state.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_told_in_a_sentence(path: Path) -> None:
    path.parent.mkdir(mode=0o500)
    with pytest.raises(StoreError, match="must be writable by the user"):
        open_store(path)


def test_a_failing_migration_leaves_the_store_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    ours = schema.migrations()
    broken = (*ours, "CREATE TABLE more (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1);")
    monkeypatch.setattr(schema, "migrations", lambda: broken)
    connection = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        schema.migrate(connection)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert "more" not in tables
    connection.close()
    monkeypatch.undo()
    store = open_store(path)
    assert store.quarantined is None
    assert store.counts().movements == 3
    store.close()


def test_a_store_is_moved_to_a_newer_schema_with_its_rows(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(path)
    newer = (*schema.migrations(), "ALTER TABLE sink ADD COLUMN note TEXT;")
    monkeypatch.setattr(schema, "migrations", lambda: newer)
    schema._expected.cache_clear()
    try:
        store = open_store(path)
        assert store.quarantined is None
        assert store.counts().movements == 3
        store.close()
    finally:
        schema._expected.cache_clear()


def test_readers_cannot_write_and_are_used_again(store: Store) -> None:
    with store.reading() as reader:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.connection.execute("DELETE FROM tag")
        first = reader
    with store.reading() as reader:
        assert reader is first
        with store.reading() as other:
            assert other is not reader


def run_sql(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def flip(path: Path, offset: int, mask: int = 0x7F) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= mask
    path.write_bytes(content)
