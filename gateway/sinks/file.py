"""The sink `file`: JSON Lines, appended and flushed to the disk before a record counts as taken.

    sinks: [{name: log, kind: file, path: movements.jsonl}]     # relative to data_dir

Options: `path`; `kinds`, a list of movement, passage, alert (default: movement); `max_size` in
octets and `keep`: a file that would grow beyond that size is renamed to `movements.jsonl.1`, that
one to `.2` and so on, and what is older than `keep` of them goes (default: 100 MB, 10).

A line that a crash cut short is removed when the file is opened, because its record comes again.
The file may be moved away at any time (log rotation): a new one is begun. After a crash the last
batch may be repeated, with the same ids.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import threading
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import orjson

from gateway.errors import Hold, Retry, SinkError
from gateway.model.delivery import Record, SinkConfig
from gateway.sinks.base import SinkContext
from gateway.sinks.options import kinds_option, no_other_options

#: Faults that pass without anybody changing the settings.
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE})
#: How far back a torn line is looked for; no record is longer.
TAIL_BYTES = 1 << 20
DEFAULT_MAX_BYTES = 100_000_000
DEFAULT_KEEP = 10


class FileSink:
    """Appends records to one file."""

    max_batch = 500

    def __init__(self, config: SinkConfig, context: SinkContext) -> None:
        no_other_options(config, {"path", "kinds", "max_size", "keep"})
        path = config.options.get("path")
        if not isinstance(path, str) or not path or "\0" in path:
            raise SinkError(f"sink {config.name}: it needs a path, such as movements.jsonl")
        self.name = config.name
        self.kinds = kinds_option(config, default=frozenset({"movement"}))
        self.path = context.data_dir / path
        self._max_bytes = int(config.options.get("max_size", DEFAULT_MAX_BYTES))
        self._keep = int(config.options.get("keep", DEFAULT_KEEP))
        self._descriptor: int | None = None
        self._one_at_a_time = threading.Lock()

    async def open(self) -> None:
        """Open the file and mend its end; raises `Retry` or `Hold`."""
        await asyncio.to_thread(self._do, self._reopen)

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Append and flush; records that are not one line of text are rejected."""
        rejected = {r.seq: "its body is not one line" for r in records if b"\n" in r.body}
        lines = b"".join(r.body + b"\n" for r in records if r.seq not in rejected)
        await asyncio.to_thread(self._do, lambda: self._append(lines))
        return rejected

    async def close(self) -> None:
        """Close the file, after what is still being written when a delivery was cancelled."""
        await asyncio.to_thread(self._do, self._let_go)

    def _do(self, action: Callable[[], None]) -> None:
        """Do something to the file; an error becomes words, and the file is opened anew."""
        with self._one_at_a_time:
            try:
                action()
            except OSError as error:
                self._let_go()
                reason = f"{self.path} cannot be written ({(error.strerror or str(error)).lower()})"
                if error.errno in _PASSING:
                    raise Retry(reason) from error
                raise Hold(reason) from error

    def _append(self, lines: bytes) -> None:
        if self._descriptor is None or self._moved_away(self._descriptor):
            self._reopen()
        assert self._descriptor is not None
        before = os.fstat(self._descriptor).st_size
        if before and before + len(lines) > self._max_bytes:
            self._rotate()
            before = 0
        descriptor = self._descriptor
        try:
            view = memoryview(lines)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fdatasync(descriptor)
        except OSError:
            # Half a batch would be told twice, or its last line be torn.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, before)
            raise

    def _rotate(self) -> None:
        """Begin a new file; the oldest one goes. A crash in between loses no line."""
        numbered = [self.path.with_name(f"{self.path.name}.{n}") for n in range(self._keep + 1)]
        numbered[0] = self.path
        if not self._keep:
            self.path.unlink()
        for newer, older in reversed(list(pairwise(numbered))):
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        self._reopen()

    def _moved_away(self, descriptor: int) -> bool:
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return True
        ours = os.fstat(descriptor)
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _reopen(self) -> None:
        self._let_go()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o640)
        if new:
            _flush_folder(self.path.parent)
        else:
            _mend_end(self._descriptor)

    def _let_go(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def _mend_end(descriptor: int) -> None:
    """Cut off a torn last line; a whole one that only lacks its end of line is given one."""
    size = os.fstat(descriptor).st_size
    start = max(0, size - TAIL_BYTES)
    tail = os.pread(descriptor, size - start, start)
    if not tail or tail.endswith(b"\n"):
        return
    line = tail[tail.rfind(b"\n") + 1 :]
    if len(line) == TAIL_BYTES or _is_json(line):
        os.write(descriptor, b"\n")
    else:
        os.ftruncate(descriptor, size - len(line))
    os.fsync(descriptor)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _flush_folder(folder: Path) -> None:
    """Make a new file's name durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
