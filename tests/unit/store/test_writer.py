"""The writer: in order, durable before anybody is told, and never giving up what it was given."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.model.movement import Status
from gateway.model.outcome import Outcome
from gateway.store.database import Store, open_store
from gateway.store.writer import Writer
from tests.outcomes import Committed, movement, outcome, passage, tag_row
from tests.servers import wait_until


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "state.db")
    yield opened
    opened.close()


@contextlib.contextmanager
def writing(
    store: Store, committed: Committed | None = None, **options: object
) -> Iterator[Writer]:
    writer = Writer(store, committed or Committed(), **options)  # type: ignore[arg-type]
    writer.start()
    try:
        yield writer
    finally:
        writer.stop(timeout_s=10.0)


def in_trouble(writer: Writer) -> bool:
    return writer.trouble is not None


def test_outcomes_are_committed_in_the_order_of_their_submission(store: Store) -> None:
    committed = Committed()
    with writing(store, committed) as writer:
        for n in range(500):
            writer.submit(outcome(n, [movement(n % 7, n)] if n % 3 else []))
        committed.wait_for(500)
    assert committed.numbers == list(range(500))
    stored = [m.cursor for m in store.movements_after(0, 1_000)]
    assert stored == sorted(stored)
    assert len(stored) == len([n for n in range(500) if n % 3])


def test_what_is_told_as_committed_can_be_read_by_others(store: Store) -> None:
    found: list[int] = []
    told = threading.Event()

    def look(outcomes: list[Outcome]) -> None:
        found.append(store.counts().movements)
        told.set()

    writer = Writer(store, look)
    writer.start()
    writer.submit(outcome(1, [movement(1)], acks=[lambda: found.append(-1)]))
    assert told.wait(5.0)
    writer.stop()
    assert found == [1, -1], "an acknowledgement comes after everybody was told"


def test_movement_passage_and_tag_are_one_transaction(store: Store) -> None:
    """A passage that cannot be stored takes the movement and the tag of its outcome with it."""
    with writing(store) as writer:
        writer.submit(outcome(1, [movement(1)], passages=[passage(1, door=None)]))  # type: ignore[arg-type]
        wait_until(lambda: writer.refused)
    assert store.counts().movements == 0
    assert len(store.load_tags()) == 0


def test_outcomes_with_nothing_durable_cause_no_commit_but_keep_their_place(store: Store) -> None:
    commits: list[int] = []
    committed = Committed()
    acked: list[int] = []
    with writing(store, committed, observe=lambda _s, rows: commits.append(rows)) as writer:
        for n in range(20):
            writer.submit(outcome(n, acks=[lambda n=n: acked.append(n)]))
        committed.wait_for(20)
        assert commits == []
        writer.submit(outcome(20, [movement(1)]))
        writer.submit(outcome(21))
        committed.wait_for(22)
    assert committed.numbers == list(range(22))
    assert acked == list(range(20))
    assert commits == [2]


def test_what_piles_up_is_committed_in_groups(store: Store) -> None:
    commits: list[int] = []
    writer = Writer(store, Committed(), observe=lambda _s, rows: commits.append(rows))
    for n in range(2_500):
        writer.submit(outcome(n, [movement(n)]))
    assert writer.pending == 2_500
    writer.start()
    assert writer.stop()
    assert writer.pending == 0
    assert len(commits) == 5, "a group ends when it has passed 1,000 rows"
    assert sum(commits) == 5_000


def test_a_movement_told_again_is_ignored_and_counted(store: Store) -> None:
    with writing(store) as writer:
        first, again = movement(1, 1), movement(1, 1, to_zone="elsewhere")
        writer.submit(outcome(1, [first]))
        writer.submit(outcome(2, [again, movement(1, 2)]))
        wait_until(lambda: writer.duplicates == 1)
    bodies = [m.body for m in store.movements_after(0, 10)]
    assert bodies == [first.to_json(), movement(1, 2).to_json()]


def test_a_retraction_is_a_record_of_its_own_under_the_same_id(store: Store) -> None:
    retraction = movement(1, 1, status=Status.RETRACTED)
    with writing(store) as writer:
        writer.submit(outcome(1, [movement(1, 1)]))
        writer.submit(outcome(2, [retraction, retraction]))
    assert [m.body for m in store.movements_after(0, 10)] == [
        movement(1, 1).to_json(),
        retraction.to_json(),
    ]
    assert writer.duplicates == 1


def test_an_outcome_that_no_store_can_take_stops_no_other(store: Store) -> None:
    committed = Committed()
    acked: list[int] = []
    writer = Writer(store, committed)
    numbers = list(range(10))
    for n in numbers:
        seq = 2**70 if n == 4 else 1
        ack = [lambda n=n: acked.append(n)]
        writer.submit(outcome(n, [movement(n, seq)], tags=[tag_row(n)], acks=ack))
    writer.start()
    assert writer.stop()
    numbers.remove(4)
    assert committed.numbers == numbers
    assert acked == numbers, "what is not durable is never acknowledged"
    assert writer.refused == 1
    assert writer.trouble is None
    assert store.counts().movements == 9


def test_listeners_and_acknowledgements_that_fail_stop_nothing(store: Store) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a mistake of somebody else")

    acked: list[int] = []
    writer = Writer(store, fail)
    writer.start()
    writer.submit(outcome(1, [movement(1)], acks=[fail, lambda: acked.append(1)]))
    writer.submit(outcome(2, [movement(2)], acks=[lambda: acked.append(2)]))
    assert writer.stop()
    assert acked == [1, 2]
    assert store.counts().movements == 2


def test_operations_of_others_are_done_with_the_commit_and_answered_after_it(store: Store) -> None:
    with writing(store) as writer:
        future = writer.run_soon(
            lambda c: c.execute(
                "INSERT INTO sink (name, delivered, retired) VALUES ('a', 5, 0) RETURNING delivered"
            ).fetchone()
        )
        assert future.result(5.0) == (5,)
        with store.reading() as reader:
            assert reader.connection.execute("SELECT name FROM sink").fetchall() == [("a",)]


def test_an_operation_that_fails_undoes_itself_alone(store: Store) -> None:
    def half(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO sink (name, delivered, retired) VALUES ('half', 0, 0)")
        raise ValueError("no")

    writer = Writer(store, Committed())
    writer.submit(outcome(1, [movement(1)]))
    good = writer.run_soon(
        lambda c: (
            c.execute("INSERT INTO sink (name, delivered, retired) VALUES ('good', 0, 0)").rowcount
        )
    )
    bad = writer.run_soon(half)
    wrong = writer.run_soon(lambda c: c.execute("SELECT * FROM nowhere"))
    writer.start()
    assert writer.stop()
    assert good.result(0) == 1
    with pytest.raises(ValueError, match="no"):
        bad.result(0)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        wrong.result(0)
    assert store.counts().movements == 1
    with store.reading() as reader:
        assert reader.connection.execute("SELECT name FROM sink").fetchall() == [("good",)]


def test_an_operation_asked_after_the_end_is_cancelled(store: Store) -> None:
    with writing(store) as writer:
        pass
    assert writer.run_soon(lambda c: c.execute("SELECT 1")).cancelled()


def test_progress_grows_with_every_group(store: Store) -> None:
    committed = Committed()
    with writing(store, committed) as writer:
        writer.submit(outcome(1))
        wait_until(lambda: writer.progress == 1)
        writer.submit(outcome(2, [movement(1)]))
        wait_until(lambda: writer.progress == 2)


def test_a_full_store_keeps_everything_and_goes_on_when_history_has_gone(tmp_path: Path) -> None:
    """`max_page_count` is reached: cursors still move, delivered history makes room."""
    store = open_store(tmp_path / "state.db", limit_bytes=200 * 4_096)
    committed = Committed()
    with writing(store, committed) as writer:
        writer.run_soon(
            lambda c: c.execute("INSERT INTO sink (name, delivered, retired) VALUES ('slow', 0, 0)")
        ).result(5.0)
        submitted = 0
        while not in_trouble(writer):
            writer.submit(outcome(submitted, [movement(submitted)]))
            submitted += 1
            if submitted % 100 == 0:
                wait_until(lambda: writer.pending == 0 or in_trouble(writer))
        assert "is full" in str(writer.trouble)
        for _ in range(100):
            writer.submit(outcome(submitted, [movement(submitted)]))
            submitted += 1
        assert writer.pending >= 100
        assert len(committed.outcomes) < submitted
        # The slow sink takes what there is: moving its cursor needs no room.
        newest = writer.newest
        moved = writer.run_soon(lambda c: c.execute("UPDATE sink SET delivered = ?", (newest,)))
        moved.result(15.0)
        committed.wait_for(submitted, deadline_s=20.0)
        assert not in_trouble(writer)
    assert committed.numbers == list(range(submitted))
    assert writer.newest == submitted, "nothing was lost, nothing was written twice"
    store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_stops_nothing_and_room_is_noticed(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(mount)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("no tmpfs can be mounted here")
    try:
        _fill_and_free_the_disk(mount)
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def _fill_and_free_the_disk(mount: Path) -> None:
    ballast = mount / "ballast"
    ballast.write_bytes(b"\0" * 1_000_000)
    committed = Committed()
    with (
        contextlib.closing(open_store(mount / "state.db")) as store,
        writing(store, committed) as writer,
    ):
        submitted = 0
        while not in_trouble(writer):
            writer.submit(outcome(submitted, [movement(submitted, evidence={"x": "y" * 2_000})]))
            submitted += 1
            if submitted % 50 == 0:
                wait_until(lambda: writer.pending == 0 or in_trouble(writer))
        assert store.counts().newest > 0, "the store can still be read"
        writer.submit(outcome(submitted, [movement(submitted)]))
        submitted += 1
        ballast.unlink()
        committed.wait_for(submitted, deadline_s=10.0)
        assert not in_trouble(writer)
        # Everything was committed; old history may have made room for it.
        assert store.counts().newest == store.counts().tags == submitted


def test_what_cannot_be_written_before_the_end_is_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    blocker = sqlite3.connect(store.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    store.writing.execute("PRAGMA busy_timeout = 50")
    writer = Writer(store, Committed())
    writer.start()
    writer.submit(outcome(1, [movement(1)]))
    waiting = writer.run_soon(lambda c: c.execute("SELECT 1"))
    wait_until(lambda: in_trouble(writer))
    assert "another program keeps it locked" in (writer.trouble or "")
    assert not writer.stop(timeout_s=0.2)
    assert writer.pending == 1
    assert waiting.cancelled()
    assert "1 outcomes could not be stored before the end" in caplog.text
    blocker.execute("ROLLBACK")
    blocker.close()


def test_a_lock_that_is_given_free_is_noticed(store: Store) -> None:
    blocker = sqlite3.connect(store.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    store.writing.execute("PRAGMA busy_timeout = 50")
    committed = Committed()
    with writing(store, committed) as writer:
        writer.submit(outcome(1, [movement(1)]))
        wait_until(lambda: in_trouble(writer))
        assert not writer.damaged
        blocker.execute("ROLLBACK")
        blocker.close()
        committed.wait_for(1)
    assert store.counts().movements == 1


def test_damage_found_while_running_is_told_as_such(store: Store) -> None:
    with writing(store) as writer:
        for n in range(300):
            writer.submit(outcome(n, [movement(n)]))
        wait_until(lambda: writer.pending == 0)
        store.writing.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = store.path.stat().st_size
        with store.path.open("r+b") as file:
            file.seek(4_096)
            file.write(b"\xa5" * (size - 4_096))
        store.reopen()
        writer.submit(outcome(300, [movement(300)]))
        wait_until(lambda: in_trouble(writer))
        assert writer.damaged
        assert "damaged" in (writer.trouble or "")
        assert writer.pending == 1
        assert not writer.stop(timeout_s=0.1)


LIMITED = """
import resource, signal, sys, time
from pathlib import Path
from gateway.store.database import open_store
from gateway.store.writer import Writer
from tests.outcomes import Committed, movement, outcome

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = open_store(Path(sys.argv[1]))
committed = Committed()
writer = Writer(store, committed)
writer.start()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
number = 0
while writer.trouble is None:
    writer.submit(outcome(number, [movement(number)]))
    number += 1
    time.sleep(0.0005)
print(writer.trouble, flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
committed.wait_for(number)
assert writer.stop(), writer.trouble
assert committed.numbers == list(range(number))
assert store.counts().movements == number
store.close()
"""


def test_a_disk_that_reports_errors_is_told_and_recovered_from(tmp_path: Path) -> None:
    """A limit of the file size gives "disk I/O error", the same as failing hardware does."""
    root = Path(__file__).parents[3]
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "state.db")],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60.0,
    )
    assert ended.returncode == 0, ended.stderr
    assert "cannot be written: the disk" in ended.stdout
