"""What a program writes to its disk through SQLite, operation by operation, and what a power cut
leaves of it.

SQLite's own way to files is used; only writing, cutting and flushing are looked at as they pass.
No rights are needed, and what was recorded once can be cut anywhere, as often as one likes:

    with recording(folder) as log:
        …                                # SQLite at work on files of this folder
    disk_after_cut(log, cut, rng)        # {name: content}

A file's content is certain up to its last flush. What was written to it afterwards may have
arrived, or not, or in part (by sectors), in any order.
"""

from __future__ import annotations

import ctypes
import random
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What a disk writes whole or not at all.
SECTOR_BYTES = 512
_OK = 0  # SQLITE_OK
_FSYNC = sqlite3.SQLITE_IOERR_FSYNC  # of which writes know nothing
#: What SQLite opens with SQLITE_OPEN_CREATE as a journal or a WAL: its first flush is the folder's.
_CREATE, _JOURNALS = 0x4, 0x800 | 0x80000


@dataclass(frozen=True, slots=True)
class Write:
    """Octets written at an offset."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file cut to a size."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Flush:
    """A file flushed to the disk; when this was logged, it had returned.

    With `folder` its folder was flushed too, and with it what was removed there before.
    """

    name: str
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """A file removed; certain when the folder has been flushed, which `flushed` says of itself."""

    name: str
    flushed: bool


Operation = Write | Truncate | Flush | Delete

_Write = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
)
_Truncate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int64)
_Sync = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)
_Delete = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
_Open = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,  # the name, which SQLite keeps: it must not be copied
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_int),
)


class _Methods(ctypes.Structure):
    """sqlite3_io_methods up to what is looked at; the rest is copied as it is."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", _Write),
        ("truncate", _Truncate),
        ("sync", _Sync),
        ("others", ctypes.c_void_p * 13),
    ]


class _File(ctypes.Structure):
    """sqlite3_file."""

    _fields_ = [("methods", ctypes.POINTER(_Methods))]


class _Vfs(ctypes.Structure):
    """sqlite3_vfs."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("file_bytes", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", _Open),
        ("delete", _Delete),
        ("others", ctypes.c_void_p * 14),
    ]


class Recorder:
    """Stands before SQLite's default way to files while it is installed; may have it fail."""

    def __init__(self, folder: Path) -> None:
        self.log: list[Operation] = []
        self.fails_with: int | None = None  # what writing and flushing answer, in place of doing it
        self._folder = folder.resolve()
        self._lock = threading.Lock()
        self._sqlite = _library()
        self._plain: Any = self._sqlite.sqlite3_vfs_find(None)
        self._names: dict[int, str] = {}  # address of an open file → its name
        self._new: set[int] = set()  # addresses of files whose first flush is to come
        self._tables: dict[int, _Methods] = {}  # address of plain methods → ours
        self._kept: list[Any] = []  # what C points to must not be collected
        self._vfs = _Vfs()
        ctypes.memmove(
            ctypes.byref(self._vfs), ctypes.byref(self._plain.contents), ctypes.sizeof(_Vfs)
        )
        self._vfs.name = b"recorded"
        self._vfs.open, self._vfs.delete = _Open(self._open), _Delete(self._delete)

    def install(self) -> None:
        """Every file that SQLite opens from now on is recorded."""
        assert self._sqlite.sqlite3_vfs_register(ctypes.byref(self._vfs), 1) == _OK

    def remove(self) -> None:
        """New files are opened as before; those that are open must have been closed."""
        self._sqlite.sqlite3_vfs_unregister(ctypes.byref(self._vfs))
        assert self._sqlite.sqlite3_vfs_register(self._plain, 1) == _OK

    def position(self) -> int:
        """How many operations have been logged."""
        return len(self.log)

    def _open(self, _vfs: int, name: int | None, file: int, flags: int, out_flags: Any) -> int:
        plain = ctypes.cast(self._plain, ctypes.c_void_p).value
        code: int = self._plain.contents.open(plain, name, file, flags, out_flags)
        if code == _OK and name is not None:
            path = Path(ctypes.string_at(name).decode())
            if path.parent == self._folder:
                with self._lock:
                    self._names[file] = path.name
                    self._new.discard(file)
                    if flags & _CREATE and flags & _JOURNALS:
                        self._new.add(file)
                    opened = _File.from_address(file)
                    opened.methods = ctypes.pointer(self._table(opened.methods))
        return code

    def _delete(self, _vfs: int, name: int, flushed: int) -> int:
        plain = ctypes.cast(self._plain, ctypes.c_void_p).value
        code: int = self._plain.contents.delete(plain, name, flushed)
        path = Path(ctypes.string_at(name).decode())
        if code == _OK and path.parent == self._folder:
            with self._lock:
                self.log.append(Delete(path.name, bool(flushed)))
        return code

    def _table(self, plain: Any) -> _Methods:
        """The methods of a file, with three of them looked at."""
        address = ctypes.addressof(plain.contents)
        if address not in self._tables:
            ours = _Methods()
            ctypes.memmove(ctypes.byref(ours), ctypes.byref(plain.contents), ctypes.sizeof(ours))
            write, truncate, sync = (
                plain.contents.write,
                plain.contents.truncate,
                plain.contents.sync,
            )

            def on_write(file: int, data: int, count: int, offset: int) -> int:
                if self.fails_with not in (None, _FSYNC):
                    return int(self.fails_with or 0)
                copy = ctypes.string_at(data, count)
                with self._lock:
                    self.log.append(Write(self._names[file], offset, copy))
                return int(write(file, data, count, offset))

            def on_truncate(file: int, size: int) -> int:
                with self._lock:
                    self.log.append(Truncate(self._names[file], size))
                return int(truncate(file, size))

            def on_sync(file: int, flags: int) -> int:
                if self.fails_with is not None:
                    return self.fails_with
                code = int(sync(file, flags))
                with self._lock:
                    self.log.append(Flush(self._names[file], file in self._new))
                    self._new.discard(file)
                return code

            ours.write, ours.truncate, ours.sync = (
                _Write(on_write), _Truncate(on_truncate), _Sync(on_sync),
            )  # fmt: skip
            self._kept += [write, truncate, sync]
            self._tables[address] = ours
        return self._tables[address]


@contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    """Record what SQLite does to files directly in `folder`; close all of them before the end."""
    recorder = Recorder(folder)
    recorder.install()
    try:
        yield recorder
    finally:
        recorder.remove()


def disk_after_cut(log: Sequence[Operation], cut: int, rng: random.Random) -> dict[str, bytes]:
    """What is on the disk when the power goes after `cut` operations of the log."""
    flushed: dict[str, int] = {}
    removed = -1
    for number in range(cut):
        operation = log[number]
        if isinstance(operation, Flush):
            flushed[operation.name] = number
            removed = number if operation.folder else removed
        elif isinstance(operation, Delete) and operation.flushed:
            removed = number
    arrives = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    files: dict[str, bytearray] = {}
    unsure: list[Operation] = []
    for number in range(cut):
        operation = log[number]
        known = removed if isinstance(operation, Delete) else flushed.get(operation.name, -1)
        if number <= known:
            _apply(files, operation)
        elif rng.random() < arrives:
            unsure.append(operation)
    for operation in unsure:
        torn = isinstance(operation, Write) and rng.random() < 0.3
        _apply(files, _torn(operation, rng) if torn else operation)
    return {name: bytes(content) for name, content in files.items()}


def _apply(files: dict[str, bytearray], operation: Operation) -> None:
    if isinstance(operation, Delete):
        files.pop(operation.name, None)
        return
    content = files.setdefault(operation.name, bytearray())
    if isinstance(operation, Truncate):
        _resize(content, operation.size)
    elif isinstance(operation, Write):
        end = operation.offset + len(operation.data)
        if len(content) < end:
            _resize(content, end)
        content[operation.offset : end] = operation.data


def _resize(content: bytearray, size: int) -> None:
    if len(content) > size:
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def _torn(write: Operation, rng: random.Random) -> Write:
    """Only the first sectors of a write."""
    assert isinstance(write, Write)
    end = write.offset + rng.randrange(len(write.data) + 1)
    end -= end % SECTOR_BYTES
    return Write(write.name, write.offset, write.data[: max(0, end - write.offset)])


def _library() -> Any:
    """The SQLite that Python's own module uses; AttributeError where it is out of reach."""
    import _sqlite3

    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [ctypes.c_char_p]
    library.sqlite3_vfs_register.argtypes = [ctypes.c_void_p, ctypes.c_int]
    library.sqlite3_vfs_unregister.argtypes = [ctypes.c_void_p]
    return library
