"""The spool: lines that wait on the disk for the time series database, bounded, oldest shed first.

    spool/000000000001.seg …   blocks, one after the other: header, checksum, compressed lines
    spool/cursor               up to where everything is delivered: segment and offset

What was appended survives the end of the process, however it ends; a power cut may cost the last
half minute. Where a block is torn or damaged, the rest of its segment is given up. A cursor that is
lost costs nothing: a line that is sent again overwrites itself.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import struct
import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

logger = logging.getLogger(__name__)

#: Begins each block: magic, bytes of the payload, lines in it, CRC-32 of all that and the payload.
_HEADER = struct.Struct("<4sIII")
_MAGIC = b"RGS1"
#: Lines in one block; a block is read and sent as a whole.
BLOCK_LINES = 5_000
_SEGMENT_BYTES = 4 << 20
#: A block larger than this, once unpacked, is none of ours.
_BLOCK_BYTES = 64 << 20
#: The disk is never filled beyond this: movements come first.
_RESERVE_BYTES, _RESERVE_PART = 100_000_000, 0.05
_COMPRESSION = 1


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the spool."""

    segment: int
    offset: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Some lines, and where the next ones begin."""

    lines: list[bytes]
    end: Position


class Spool:
    """Any thread may call anything; each call is short."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.shed = 0  # lines given up: no room, or damaged
        self._folder, self._limit_bytes = folder, limit_bytes
        self._segment_bytes = max(1 << 16, min(_SEGMENT_BYTES, limit_bytes // 8))
        self._lock = threading.Lock()
        self._file: BinaryIO | None = None
        folder.mkdir(parents=True, exist_ok=True)
        # A segment of an earlier process may end within a block, so it is not gone on with.
        self._sizes = {
            int(p.stem): p.stat().st_size for p in sorted(folder.glob("*.seg")) if _ours(p)
        }
        self._cursor = self._stored_cursor()
        self._drop_delivered()

    @property
    def size_bytes(self) -> int:
        """What it takes on the disk."""
        with self._lock:
            return sum(self._sizes.values())

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines; what there is no room for is shed and counted. Never raises `OSError`."""
        with self._lock:
            for first in range(0, len(lines), BLOCK_LINES):
                some = lines[first : first + BLOCK_LINES]
                try:
                    stored = self._append(_block(some))
                except OSError as error:
                    self._end_segment()
                    logger.warning(
                        "the spool %s cannot be written: %s", self._folder, error.strerror
                    )
                    stored = False
                if not stored:
                    self.shed += len(some)

    def read(self, most_lines: int) -> Batch | None:
        """The oldest lines that are not delivered, whole blocks; None when there are none."""
        with self._lock:
            lines: list[bytes] = []
            end = self._cursor
            for count, payload, position in self._blocks(self._cursor):
                if lines and len(lines) + count > most_lines:
                    break
                lines += payload.split(b"\n")
                end = position
            return Batch(lines, end) if lines else None

    def settle(self, batch: Batch) -> None:
        """The batch is delivered; its room is given free."""
        with self._lock:
            if batch.end <= self._cursor:  # shed meanwhile
                return
            self._cursor = batch.end
            with contextlib.suppress(OSError):  # delivered again after the next start
                self._store_cursor()
                self._drop_delivered()

    def close(self) -> None:
        """Close the file; the spool may be gone on with by the next process."""
        with self._lock:
            self._end_segment()

    def _append(self, block: bytes) -> bool:
        usage = shutil.disk_usage(self._folder)
        if usage.free < len(block) + min(_RESERVE_BYTES, usage.total * _RESERVE_PART):
            return False
        while self._sizes and sum(self._sizes.values()) + len(block) > self._limit_bytes:
            self._shed_oldest()
        if len(block) > self._limit_bytes:
            return False
        if self._file is None or self._sizes[self._newest] >= self._segment_bytes:
            self._end_segment()
            number = max(self._newest, self._cursor.segment) + 1
            self._file = self._path(number).open("xb", buffering=0)
            self._sizes[number] = 0
        size = self._sizes[self._newest]
        written = self._file.write(block)
        if written != len(block):
            # The torn block stands at the end of its segment, and is found out by its checksum.
            self._sizes[self._newest] = size + written
            self._end_segment()
            return False
        self._sizes[self._newest] = size + written
        return True

    @property
    def _newest(self) -> int:
        return max(self._sizes, default=0)

    def _end_segment(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _shed_oldest(self) -> None:
        number = min(self._sizes)
        if number == self._newest:
            self._end_segment()
        begun = self._cursor.offset if self._cursor.segment == number else 0
        lost = sum(count for count, _, _ in self._blocks_of(number, begun))
        self.shed += lost
        self._remove(number)
        self._cursor = max(self._cursor, Position(number + 1, 0))
        logger.warning("the spool is full: %d points, the oldest, were given up", lost)

    def _blocks(self, begin: Position) -> Iterator[tuple[int, bytes, Position]]:
        """Lines, their number and the position after them, of every block from `begin` on."""
        for number in sorted(self._sizes):
            if number < begin.segment:
                continue
            offset = begin.offset if number == begin.segment else 0
            for count, payload, end in self._blocks_of(number, offset):
                yield count, payload, Position(number, end)

    def _blocks_of(self, number: int, offset: int) -> Iterator[tuple[int, bytes, int]]:
        size = self._sizes[number]
        try:
            with self._path(number).open("rb") as file:
                file.seek(offset)
                while offset < size:
                    header = file.read(_HEADER.size)
                    length = _HEADER.unpack(header)[1] if len(header) == _HEADER.size else 0
                    packed = file.read(min(length, size))
                    found = _unpacked(header, packed)
                    if found is None:
                        logger.warning("segment %d of the spool ends in a damaged block", number)
                        return
                    offset += _HEADER.size + length
                    yield *found, offset
        except OSError as error:
            logger.warning("segment %d of the spool cannot be read: %s", number, error.strerror)

    def _drop_delivered(self) -> None:
        for number in sorted(self._sizes):
            past = number < self._cursor.segment
            done = number == self._cursor.segment and self._cursor.offset >= self._sizes[number]
            if past or (done and not (number == self._newest and self._file is not None)):
                self._remove(number)

    def _remove(self, number: int) -> None:
        self._sizes.pop(number)
        with contextlib.suppress(OSError):
            self._path(number).unlink()

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}.seg"

    def _stored_cursor(self) -> Position:
        try:
            segment, offset = (self._folder / "cursor").read_text("ascii").split()
            return Position(int(segment), int(offset))
        except (OSError, ValueError):
            return Position(min(self._sizes, default=0), 0)

    def _store_cursor(self) -> None:
        fresh = self._folder / "cursor.new"
        fresh.write_text(f"{self._cursor.segment} {self._cursor.offset}\n", "ascii")
        fresh.replace(self._folder / "cursor")


def _ours(path: Path) -> bool:
    return path.stem.isascii() and path.stem.isdigit() and len(path.stem) == 12 and path.is_file()


def _block(lines: Sequence[bytes]) -> bytes:
    packed = zlib.compress(b"\n".join(lines), _COMPRESSION)
    begin = _HEADER.pack(_MAGIC, len(packed), len(lines), 0)
    checksum = zlib.crc32(packed, zlib.crc32(begin))
    return _HEADER.pack(_MAGIC, len(packed), len(lines), checksum) + packed


def _unpacked(header: bytes, packed: bytes) -> tuple[int, bytes] | None:
    """Number of lines, and the lines; None when the block is not sound."""
    if len(header) != _HEADER.size:
        return None
    magic, length, count, checksum = _HEADER.unpack(header)
    begin = _HEADER.pack(magic, length, count, 0)
    if (
        magic != _MAGIC
        or length != len(packed)
        or checksum != zlib.crc32(packed, zlib.crc32(begin))
    ):
        return None
    try:
        payload = zlib.decompressobj().decompress(packed, _BLOCK_BYTES)
    except zlib.error:
        return None
    return count, payload
