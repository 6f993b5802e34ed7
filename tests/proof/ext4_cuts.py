"""Power cuts on a real file system: ext4 on a loop device, shut down without a last flush.

    python -m tests.proof.ext4_cuts --cuts 500 --folder FOLDER        # as root

The writer is frozen first, because a flush that races the shutdown may return as if it had worked.
`--synchronous NORMAL` is the control group: it has to lose something.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import mmap
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gateway.model.outcome import Outcome
from gateway.store import database
from gateway.store.database import open_store
from gateway.store.writer import Writer
from tests.outcomes import movement, outcome
from tests.servers import wait_until

IMAGE_BYTES = 64 << 20
#: EXT4_IOC_SHUTDOWN, and its kind that does not flush the journal.
SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, struct.pack("I", 2)
TAGS = 10
READY_S = 60.0
#: A disk is made anew after so many cuts, before it is full.
CUTS_PER_DISK = 25
#: So long after SIGSTOP nothing of the writer is on its way to the disk any more.
FROZEN_S = 0.03


class Disk:
    """A file system of our own, of which the power can be cut."""

    def __init__(self, folder: Path) -> None:
        self.mount = folder / "mounted"
        self._image = folder / "image"
        self.mount.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(IMAGE_BYTES)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    @contextlib.contextmanager
    def mounted(self) -> Iterator[None]:
        """Mounted, which replays its journal; unmounted afterwards, also after a cut."""
        _run("mount", "-o", "loop", str(self._image), str(self.mount))
        try:
            yield
        finally:
            wait_until(self._unmounted, READY_S)

    def cut(self) -> None:
        """From now on nothing reaches the disk."""
        descriptor = os.open(self.mount, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, NO_LOG_FLUSH)
        finally:
            os.close(descriptor)

    def _unmounted(self) -> bool:
        return (
            subprocess.run(["umount", self.mount], capture_output=True, check=False).returncode == 0
        )


def cut_often(folder: Path, cuts: int, seed: int) -> dict[str, int]:
    """So many cuts of one store's power, one after the other; what they took."""
    rng = random.Random(seed)
    durable = mmap.mmap(-1, mmap.PAGESIZE)
    figures = {"cuts": cuts, "movements": 0, "lost": 0, "cuts_with_loss": 0, "corrupt": 0}
    for number in range(cuts):
        if number % CUTS_PER_DISK == 0:
            shutil.rmtree(folder / "disk", ignore_errors=True)
            disk, before = Disk(folder / "disk"), 0
        with disk.mounted():
            writing = _fork(disk.mount / "state.db", durable)
            wait_until(lambda: _told(durable) >= 0, READY_S)
            time.sleep(rng.uniform(0.0, 0.25))
            os.kill(writing, signal.SIGSTOP)
            time.sleep(FROZEN_S)
            disk.cut()
            os.kill(writing, signal.SIGKILL)
            os.waitpid(writing, 0)
        with disk.mounted():
            rows, sound = _look(disk.mount / "state.db")
        lost = max(0, _told(durable) - rows)
        figures["lost"] += lost
        figures["cuts_with_loss"] += lost > 0
        figures["corrupt"] += not sound
        figures["movements"] += rows - before
        before = rows
    return figures


def _told(durable: mmap.mmap) -> int:
    value: int = struct.unpack_from("<q", durable)[0]
    return value


def _fork(path: Path, durable: mmap.mmap) -> int:
    """A child that writes movements without end, and tells how many are durable."""
    struct.pack_into("<q", durable, 0, -1)
    process = os.fork()
    if process:
        return process
    try:
        _write(path, durable)
    finally:
        os._exit(1)


def _write(path: Path, durable: mmap.mmap) -> None:
    store = open_store(path)
    tags = store.load_tags()
    seqs = [0] * TAGS
    for epc, seq in zip(tags.epcs, tags.seq.tolist(), strict=True):
        seqs[epc[-1]] = seq
    total = sum(seqs)

    def committed(outcomes: list[Outcome]) -> None:
        nonlocal total
        total += sum(len(one.movements) for one in outcomes)
        struct.pack_into("<q", durable, 0, total)

    writer = Writer(store, committed)
    struct.pack_into("<q", durable, 0, total)
    writer.start()
    while True:
        for tag in range(TAGS):
            seqs[tag] += 1
            writer.submit(outcome(0, [movement(tag, seqs[tag])]))
        while writer.pending > 50:
            time.sleep(0.001)


def _look(path: Path) -> tuple[int, bool]:
    """Rows after the cut, and whether the gateway's own start finds the store sound."""
    if not path.exists():
        return 0, True
    store = open_store(path)
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        sound = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (rows,) = connection.execute("SELECT count(*) FROM record").fetchone()
        (states,) = connection.execute("SELECT coalesce(sum(seq), 0) FROM tag").fetchone()
    return rows, sound and states == rows and store.quarantined is None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Cut and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--synchronous", choices=("FULL", "NORMAL"), default="FULL")
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    wanted = f"synchronous = {options.synchronous}"
    vars(database)["_PRAGMAS"] = tuple(
        pragma.replace("synchronous = FULL", wanted) for pragma in database._PRAGMAS
    )
    sys.stdout.write(f"{json.dumps(cut_often(options.folder, options.cuts, options.seed))}\n")


if __name__ == "__main__":
    main()
