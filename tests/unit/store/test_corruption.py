"""Whatever happens to the store's files, the gateway starts: on them, or on a new store."""

from __future__ import annotations

import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.store.database import open_store
from gateway.store.writer import Writer
from tests.outcomes import Committed, movement, outcome, passage
from tests.proof.figures import percentile, publish, size

ROUNDS = size("corruptions", short=100, long=1_000)
START_DEADLINE_S = 5.0
PAGE_BYTES = 4_096

Spoil = Callable[[random.Random, Path], None]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two stores to spoil: one closed in good order, one as a crash leaves it, with a full -wal."""
    folder = tmp_path_factory.mktemp("sound")
    running = folder / "running" / "state.db"
    store = open_store(running)
    committed = Committed()
    writer = Writer(store, committed)
    writer.start()
    for n in range(150):
        moved = [movement(10 * n + m, 1, to_zone=f"zone-{m}") for m in range(10)]
        writer.submit(outcome(n, moved, passages=[passage(n)]))
        if n == 100:
            committed.wait_for(n)
            store.writing.execute("PRAGMA wal_checkpoint(PASSIVE)")
    committed.wait_for(150)
    crashed = folder / "crashed"
    shutil.copytree(running.parent, crashed)
    assert writer.stop()
    store.close()
    assert (crashed / "state.db-wal").stat().st_size > 0
    return [running.parent, crashed]


def flip_bits(rng: random.Random, folder: Path) -> None:
    path = folder / "state.db"
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 1, 3, 50])):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def flip_bits_of_the_header(rng: random.Random, folder: Path) -> None:
    path = folder / "state.db"
    content = bytearray(path.read_bytes())
    content[rng.randrange(100)] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def truncate(rng: random.Random, folder: Path) -> None:
    path = folder / "state.db"
    with path.open("r+b") as file:
        file.truncate(rng.randrange(path.stat().st_size))


def zero_a_page(rng: random.Random, folder: Path) -> None:
    _overwrite(rng, folder / "state.db", b"\0" * PAGE_BYTES)


def fill_a_page_with_noise(rng: random.Random, folder: Path) -> None:
    _overwrite(rng, folder / "state.db", rng.randbytes(PAGE_BYTES))


def swap_pages(rng: random.Random, folder: Path) -> None:
    path = folder / "state.db"
    content = path.read_bytes()
    first, second = (rng.randrange(len(content) // PAGE_BYTES) * PAGE_BYTES for _ in range(2))
    with path.open("r+b") as file:
        for here, there in ((first, second), (second, first)):
            file.seek(here)
            file.write(content[there : there + PAGE_BYTES])


def lose_the_wal(rng: random.Random, folder: Path) -> None:
    for suffix in rng.choice([("-wal",), ("-shm",), ("-wal", "-shm")]):
        (folder / f"state.db{suffix}").unlink(missing_ok=True)


def spoil_the_wal(rng: random.Random, folder: Path) -> None:
    for suffix in ("-wal", "-shm"):
        path = folder / f"state.db{suffix}"
        content = bytearray(path.read_bytes() if path.exists() else rng.randbytes(20_000))
        content[rng.randrange(len(content))] ^= 0xFF
        path.write_bytes(content[: rng.randrange(len(content))])


def lose_the_database(rng: random.Random, folder: Path) -> None:
    (folder / "state.db").unlink()


def change_the_schema(rng: random.Random, folder: Path) -> None:
    statement = rng.choice(
        [
            "DROP TABLE record",
            "DROP INDEX movement_of_tag",
            "ALTER TABLE tag RENAME TO tags",
            "CREATE TABLE more (x)",
            "UPDATE meta SET value = '0'",
        ]
    )
    connection = sqlite3.connect(folder / "state.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


SPOILS: tuple[Spoil, ...] = (
    flip_bits,
    flip_bits_of_the_header,
    truncate,
    zero_a_page,
    fill_a_page_with_noise,
    swap_pages,
    lose_the_wal,
    spoil_the_wal,
    lose_the_database,
    change_the_schema,
)


@pytest.mark.timeout(120 + ROUNDS)
def test_random_corruptions_never_stop_the_start(sound: list[Path], tmp_path: Path) -> None:
    rng = random.Random(2)
    starts_s, set_aside = [], 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        shutil.copytree(sound[number % 2], folder)
        spoil = SPOILS[number // 2 % len(SPOILS)]
        spoil(rng, folder)
        start_s = _start_and_work(folder, f"round {number}, {spoil.__name__}")
        starts_s.append(start_s)
        set_aside += bool(list(folder.glob("*.damaged-*")))
        shutil.rmtree(folder)
    publish(
        "corruptions",
        {"corruptions": ROUNDS, "started": len(starts_s), "set_aside": set_aside,
         "start_p50_s": percentile(starts_s, 0.5), "start_worst_s": percentile(starts_s, 1.0)},
    )  # fmt: skip


def test_a_damaged_letter_in_one_record_keeps_no_other_from_being_read(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state.db")
    committed = Committed()
    writer = Writer(store, committed)
    writer.submit(outcome(1, [movement(1, 1), movement(2, 1), movement(3, 1)]))
    writer.start()
    assert writer.stop()
    store.writing.execute("UPDATE record SET key = CAST(x'33ff45' AS TEXT) WHERE seq = 2")
    with store.reading() as reader:
        page = reader.page(0, frozenset({"movement"}), 10)
    assert [record.seq for record in page.records] == [1, 2, 3]
    assert page.records[1].key == "3\ufffdE"
    store.close()


def _start_and_work(folder: Path, where: str) -> float:
    """Start on the store and commit one more movement; how long the start took."""
    begun_s = time.monotonic()
    store = open_store(folder / "state.db")
    start_s = time.monotonic() - begun_s
    assert start_s < START_DEADLINE_S, where
    known = len(store.load_tags())
    assert known == 0 or store.quarantined is None, where
    committed = Committed()
    writer = Writer(store, committed)
    writer.submit(outcome(1, [movement(10_000_000, 1)]))
    writer.start()
    assert writer.stop(5.0), f"{where}: {writer.trouble}"
    assert committed.numbers == [1], where
    after, seen = 0, 0
    with store.reading() as reader:
        while (page := reader.page(after, frozenset({"movement", "passage"}), 500)).upto > after:
            after, seen = page.upto, seen + len(page.records)
    assert seen >= 1, where
    store.close()
    return start_s


def _overwrite(rng: random.Random, path: Path, page: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(rng.randrange(path.stat().st_size // PAGE_BYTES) * PAGE_BYTES)
        file.write(page)
