"""Backup while movements come in, and a restore after which no id means two things."""

from __future__ import annotations

import json
import sqlite3
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core import Core
from gateway.errors import StoreError
from gateway.live import LiveView
from gateway.model.place import Site
from gateway.model.tags import TagIndex
from gateway.outbox.report import sink_reports
from gateway.store.archive import MANIFEST
from gateway.store.backup import GAP, back_up, restore
from gateway.store.cursors import Joining, cursors, join
from gateway.store.database import STORE_FILE, Store, open_store
from gateway.store.room import room
from gateway.store.writer import Writer
from tests.outcomes import NOW_US, SITE, epc_of, movement, outcome

MOVEMENTS = frozenset({"movement"})


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def backup(data_dir: Path, tmp_path: Path) -> Path:
    """A backup of a stopped gateway with ten movements, of which the sink has taken eight."""
    store = open_store(data_dir / STORE_FILE)
    write(store, 1, 10)
    join(store.writing, [Joining(name="wms", kinds=MOVEMENTS)], NOW_US)
    store.writing.execute("UPDATE sink SET delivered = 8")
    store.close()
    with closing(sqlite3.connect(data_dir / "series.db")) as series:
        series.execute("CREATE TABLE point (at)")
    back_up(data_dir, tmp_path / "backup.tar", SITE)
    return tmp_path / "backup.tar"


def write(store: Store, first: int, last: int, *, tag: int = 1) -> None:
    writer = Writer(store, lambda _: None)
    for seq in range(first, last + 1):
        writer.submit(outcome(seq, [movement(tag, seq)]))
    writer.start()
    assert writer.stop()


def bodies(store: Store) -> list[bytes]:
    return [m.body for m in store.movements_after(0, 100_000)]


@pytest.fixture
def restored(backup: Path, data_dir: Path) -> Iterator[Store]:
    restore(backup, data_dir, SITE, force=True)
    store = open_store(data_dir / STORE_FILE)
    yield store
    store.close()


def test_a_backup_under_traffic_is_a_moment_of_it(data_dir: Path, tmp_path: Path) -> None:
    store = open_store(data_dir / STORE_FILE)
    writer = Writer(store, lambda _: None)
    writer.start()
    stop = threading.Event()

    def traffic() -> None:
        seq = 0
        while not stop.wait(0.0005):
            seq += 1
            writer.submit(outcome(seq, [movement(1, seq)]))

    thread = threading.Thread(target=traffic)
    thread.start()
    try:
        for number in range(5):
            back_up(data_dir, tmp_path / f"{number}.tar", SITE)
    finally:
        stop.set()
        thread.join()
    assert writer.stop(), "nothing was held up"
    everything = bodies(store)
    store.close()
    for number in range(5):
        target = tmp_path / f"restored-{number}"
        restore(tmp_path / f"{number}.tar", target, SITE, force=False)
        copy = open_store(target / STORE_FILE)
        assert copy.quarantined is None
        found = bodies(copy)
        assert found == everything[: len(found)]
        tags = copy.load_tags()
        assert tags.seq.tolist() == ([len(found)] if found else []), "tags and movements agree"
        copy.close()


def test_every_database_comes_back_and_what_was_there_is_set_aside(
    backup: Path, data_dir: Path
) -> None:
    store = open_store(data_dir / STORE_FILE)
    write(store, 11, 12)
    later = bodies(store)
    store.close()
    manifest, aside = restore(backup, data_dir, SITE, force=True)
    assert set(manifest.files) == {"series.db", STORE_FILE}
    assert len(aside) == 2
    with closing(sqlite3.connect(data_dir / "series.db")) as series:
        assert series.execute("SELECT count(*) FROM point").fetchone() == (0,)
    kept = open_store(next(path for path in aside if path.name.startswith(STORE_FILE)))
    assert bodies(kept) == later
    kept.close()
    assert not list(data_dir.glob(".restore-*"))


def test_no_id_that_may_have_been_told_is_given_again(restored: Store) -> None:
    tags = TagIndex()
    core = Core(Site(id=SITE), tags)
    stored = restored.load_tags()
    assert stored.seq_floor >= int(time.time()) - 60, "above all that a tag may have used"
    core.restore(stored, NOW_US)
    known = tags.add(bytes.fromhex(epc_of(1)))
    unknown = tags.add(bytes.fromhex(epc_of(2)))
    core.engine.states.fit(unknown + 1)
    assert core.tag_row(known).seq == 10 + stored.seq_floor
    assert core.tag_row(unknown).seq == stored.seq_floor, "it may have moved after the backup, too"
    live = LiveView(Site(id=SITE), tags)
    live.restore(stored)
    shown = live.tag(bytes.fromhex(epc_of(1)))
    assert shown is not None
    assert shown.seq == 10 + stored.seq_floor


def test_a_second_restore_lifts_them_again(backup: Path, data_dir: Path, tmp_path: Path) -> None:
    floors = [0]
    for number in range(2):
        restore(backup, data_dir, SITE, force=True)
        store = open_store(data_dir / STORE_FILE)
        stored = store.load_tags()
        floors.append(stored.seq_floor)
        assert stored.seq.tolist() == [10 + number]
        write(store, stored.seq_floor + 11, stored.seq_floor + 11)
        store.close()
        backup = tmp_path / f"again-{number}.tar"
        back_up(data_dir, backup, SITE)
    assert floors == sorted(set(floors))


def test_queues_go_on_where_they_were_and_cursors_of_clients_stay_good(restored: Store) -> None:
    assert {c.name: c.delivered for c in cursors(restored.writing)} == {"wms": 8}
    write(restored, 5_000_011, 5_000_011)
    (new,) = restored.movements_after(5_000, 10)  # a client that had seen record 5,000
    assert json.loads(new.body)["seq"] == 5_000_011
    assert len(bodies(restored)) == 11


def test_what_waits_after_a_restore_is_what_waited_before(restored: Store) -> None:
    def pending() -> list[int]:
        return [sink.pending for sink in sink_reports(restored.writing, {})]

    assert pending() == [2]
    write(restored, 5_000_011, 5_000_013)
    assert pending() == [5]
    restored.writing.execute("UPDATE sink SET delivered = ?", (10 + GAP,))
    assert pending() == [3]
    found = room(restored.writing)
    assert found.behind == "wms"
    assert found.bytes_per_hour > 0


def test_a_sink_that_had_taken_all_has_nothing_to_look_through(
    data_dir: Path, tmp_path: Path
) -> None:
    store = open_store(data_dir / STORE_FILE)
    write(store, 1, 5)
    join(store.writing, [Joining(name="wms", kinds=MOVEMENTS)], NOW_US)
    store.close()
    back_up(data_dir, tmp_path / "b.tar", SITE)
    restore(tmp_path / "b.tar", data_dir, SITE, force=True)
    store = open_store(data_dir / STORE_FILE)
    assert join(store.writing, [Joining(name="wms")], NOW_US) == {"wms": 5 + GAP}
    store.close()


def test_a_running_gateway_is_not_restored_over(backup: Path, data_dir: Path) -> None:
    store = open_store(data_dir / STORE_FILE)
    try:
        with pytest.raises(StoreError, match="another gateway is running"):
            restore(backup, data_dir, SITE, force=True)
        assert len(bodies(store)) == 10
    finally:
        store.close()


def test_what_is_there_and_another_sites_backup_need_a_word(backup: Path, data_dir: Path) -> None:
    with pytest.raises(StoreError, match="There is a store already"):
        restore(backup, data_dir, SITE, force=False)
    with pytest.raises(StoreError, match="The backup is of the site 'dc-north', and this is 'b'"):
        restore(backup, data_dir / "new", "b", force=False)


def test_where_there_is_nothing_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nothing to back up"):
        back_up(tmp_path, tmp_path / "backup.tar", SITE)
    assert list(tmp_path.iterdir()) == []


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def damaged(backup: Path, how: str) -> bytes:
    content = backup.read_bytes()
    if how == "cut short":
        return content[: len(content) // 2]
    if how == "flipped":
        middle = len(content) // 2
        return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    return {"empty": b"", "text": b"hello, backup\n" * 100}[how]


@pytest.mark.parametrize("how", ["cut short", "flipped", "empty", "text"])
def test_a_damaged_backup_changes_nothing(backup: Path, data_dir: Path, how: str) -> None:
    backup.write_bytes(damaged(backup, how))
    before = names(data_dir)
    with pytest.raises(StoreError):
        restore(backup, data_dir, SITE, force=True)
    assert names(data_dir) == before
    store = open_store(data_dir / STORE_FILE)
    assert len(bodies(store)) == 10
    store.close()


@pytest.mark.parametrize("name", ["../evil.db", "/tmp/evil.db", "evil.sh", ".hidden.db"])
def test_an_archive_cannot_write_elsewhere(data_dir: Path, tmp_path: Path, name: str) -> None:
    manifest = {
        "format": "rfid-gateway-backup", "version": 1, "site": SITE, "time": "t", "gateway": "0",
        "files": {name: "0" * 64},
    }  # fmt: skip
    source = tmp_path / MANIFEST
    source.write_text(json.dumps(manifest))
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        archive.add(source, arcname=MANIFEST)
        archive.add(source, arcname=name)
    with pytest.raises(StoreError, match="no backup"):
        restore(tmp_path / "evil.tar", data_dir, SITE, force=True)
    assert list(data_dir.iterdir()) == []


def test_a_link_is_no_database(data_dir: Path, tmp_path: Path) -> None:
    manifest = {
        "format": "rfid-gateway-backup", "version": 1, "site": SITE, "time": "t", "gateway": "0",
        "files": {STORE_FILE: "0" * 64},
    }  # fmt: skip
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    (tmp_path / STORE_FILE).symlink_to("/etc/passwd")
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        for name in (MANIFEST, STORE_FILE):
            archive.add(tmp_path / name, arcname=name)
    with pytest.raises(StoreError, match="is not a file in it"):
        restore(tmp_path / "evil.tar", data_dir, SITE, force=True)
