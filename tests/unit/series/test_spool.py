"""The spool: lines come out as they went in, through crashes, damage and a full disk."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from gateway.series.spool import Spool

ROOT = Path(__file__).parents[3]


def lines(first: int, count: int) -> list[bytes]:
    return [b"zone,site=s,zone=z tags=%di %d" % (n, n) for n in range(first, first + count)]


def everything(spool: Spool) -> list[bytes]:
    """All lines, delivered."""
    found: list[bytes] = []
    while (batch := spool.read(1_000)) is not None:
        found += batch.lines
        spool.settle(batch)
    return found


def test_lines_come_out_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    for first in range(0, 300, 3):
        spool.append(lines(first, 3))
    assert everything(spool) == lines(0, 300)
    assert spool.read(10) is None
    spool.append(lines(300, 2))
    assert everything(spool) == lines(300, 2)
    spool.close()


def test_what_is_not_settled_is_read_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    spool.append(lines(0, 5))
    assert spool.read(10) == spool.read(10)
    spool.close()


def test_the_next_process_goes_on_where_this_one_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    spool.append(lines(0, 10))
    spool.append(lines(10, 10))
    batch = spool.read(10)
    assert batch is not None
    spool.settle(batch)
    spool.close()
    again = Spool(tmp_path, 1_000_000)
    again.append(lines(20, 5))
    assert everything(again) == lines(10, 15)
    again.close()


def test_a_lost_cursor_costs_nothing_but_a_second_delivery(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    spool.append(lines(0, 10))
    spool.append(lines(10, 10))
    batch = spool.read(10)
    assert batch is not None
    spool.settle(batch)
    spool.close()
    (tmp_path / "cursor").write_bytes(b"\xff not a cursor")
    assert everything(Spool(tmp_path, 1_000_000)) == lines(0, 20)


def test_the_limit_is_kept_by_shedding_the_oldest(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    for first in range(0, 200_000, 500):
        noise = [os.urandom(20).hex().encode() + b"%d" % n for n in range(first, first + 500)]
        spool.append(noise)
        assert spool.size_bytes <= 1_000_000
    left = everything(spool)
    assert spool.shed > 0
    assert spool.shed + len(left) == 200_000
    numbers = [int(line[40:]) for line in left]
    assert numbers == list(range(200_000 - len(left), 200_000))
    spool.close()


def test_a_batch_that_was_shed_while_under_way_settles_nothing_else(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 200_000)
    spool.append(lines(0, 10))
    batch = spool.read(10)
    assert batch is not None
    while spool.shed == 0:
        spool.append([os.urandom(20).hex().encode() for _ in range(500)])
    first = spool.read(1)
    spool.settle(batch)
    assert spool.read(1) == first
    spool.close()


def test_room_is_given_free_when_all_is_delivered(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 1_000_000)
    for _ in range(10):
        spool.append([os.urandom(20).hex().encode() for _ in range(5_000)])
    everything(spool)
    assert spool.size_bytes <= 1_000_000 / 8 + 150_000
    spool.close()
    assert sum(p.stat().st_size for p in tmp_path.glob("*.seg")) == spool.size_bytes


@pytest.mark.parametrize("cut", [1, 15, 16, 17, 40, 200])
def test_a_torn_end_costs_only_its_own_block(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path, 1_000_000)
    for first in range(0, 50, 10):
        spool.append(lines(first, 10))
    spool.close()
    (segment,) = tmp_path.glob("*.seg")
    whole = segment.read_bytes()
    last = whole.rindex(b"RGS1")
    segment.write_bytes(whole[: max(last, len(whole) - cut)])
    again = Spool(tmp_path, 1_000_000)
    again.append(lines(50, 10))
    assert everything(again) == lines(0, 40) + lines(50, 10)
    again.close()


@pytest.mark.parametrize("place", [0, 5, 9, 13, 30])
def test_a_damaged_block_ends_its_segment_and_nothing_else(tmp_path: Path, place: int) -> None:
    spool = Spool(tmp_path, 1_000_000)
    spool.append(lines(0, 10))
    spool.append(lines(10, 10))
    spool.close()
    (segment,) = tmp_path.glob("*.seg")
    raw = bytearray(segment.read_bytes())
    raw[raw.rindex(b"RGS1") + place] ^= 0x55
    segment.write_bytes(raw)
    again = Spool(tmp_path, 1_000_000)
    again.append(lines(20, 10))
    assert everything(again) == lines(0, 10) + lines(20, 10)
    again.close()


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "000000000007.seg").mkdir()
    (tmp_path / "notes.seg").write_text("x")
    spool = Spool(tmp_path, 1_000_000)
    spool.append(lines(0, 10))
    assert everything(spool) == lines(0, 10)
    spool.close()
    assert (tmp_path / "notes.seg").exists()


def test_the_last_of_the_disk_is_left_to_the_movements(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil has it
    spool = Spool(tmp_path, 1_000_000)
    spool.append(lines(0, 10))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 10**8, 10**8))
    spool.append(lines(10, 10))
    assert spool.shed == 10
    assert everything(spool) == lines(0, 10)
    spool.close()


def test_a_folder_that_cannot_be_written_sheds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, 1_000_000)

    def refuse(*_: object) -> bool:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Spool, "_append", refuse)
    spool.append(lines(0, 10))
    assert spool.shed == 10


CHILD = """
import sys
from pathlib import Path
from gateway.series.spool import Spool
spool, n = Spool(Path(sys.argv[1]), 10_000_000), 0
while True:
    spool.append([b"zone,site=s,zone=z tags=%di %d" % (i, i) for i in range(n, n + 7)])
    n += 7
    print(n, flush=True)
"""


def test_what_was_appended_survives_kill_9(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    told = [int(child.stdout.readline()) for _ in range(50)]
    child.send_signal(signal.SIGKILL)
    told += [int(line) for line in child.stdout.read().split()]
    child.wait()
    child.stdout.close()
    spool = Spool(folder, 10_000_000)
    found = everything(spool)
    assert len(found) >= told[-1]
    assert found == lines(0, len(found))
    spool.close()
