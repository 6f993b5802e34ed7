"""Blocks of a recording: many lines at once, each line's object and arrival, and where it stood.

A block of sound lines is one JSON text to the parser. Whatever is odd in a block, be it one line,
sends all of it the long way, line by line, where every mistake gets its sentence.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
import orjson

from gateway.errors import DriverError

#: A longer line is broken, whatever is in it.
MAX_LINE_BYTES = 64 * 1024
#: Times beyond the year 2200 are somebody's mistake of units.
MAX_TIME_US = 7_258_118_400_000_000
#: So much of a file is read at once, and then to the end of the line.
BLOCK_BYTES = 256 * 1024

_NEWLINE, _BRACE = b"\n{"

#: Is told the number of a line that makes no sense, and what is wrong with it.
Tell = Callable[[int, str], None]


class BrokenLineError(ValueError):
    """A line that is not what the format says."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that hold an object each: their numbers, the objects, and when they arrived."""

    numbers: npt.NDArray[np.int64]
    objects: list[dict[str, Any]]
    at_us: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.objects)

    def only(self, which: npt.NDArray[np.bool_]) -> Block:
        """Some of the lines."""
        objects = list(compress(self.objects, which.tolist()))
        return Block(self.numbers[which], objects, self.at_us[which])


def raw_blocks(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """(number of the first line, how many there are, the lines) of a file, a block at a time.

    Of a line that is too long only the beginning need be there.
    """
    number = 1
    with _open(path) as file:
        try:
            while lines := file.read(BLOCK_BYTES):
                if not lines.endswith(b"\n"):
                    lines += _rest_of_line(file)
                ends = np.count_nonzero(np.frombuffer(lines, np.uint8) == _NEWLINE)
                count = int(ends) + (not lines.endswith(b"\n"))
                yield number, count, lines
                number += count
        except (OSError, EOFError, zlib.error) as error:
            raise DriverError(f"{path}: cannot be read to its end: {error}") from error


def parse(lines: bytes, first_number: int, tell: Tell) -> Block:
    """Every good line; the others are told."""
    block = _at_once(lines, first_number)
    return _line_by_line(lines, first_number, tell) if block is None else block


def time_of(value: object) -> int:
    """A time of a line; BrokenLineError for anything else."""
    if type(value) is not int or not 0 <= value < MAX_TIME_US:
        raise BrokenLineError("times are whole microseconds since 1970 ('t', 'at', 'first')")
    return value


def whole_numbers(values: list[Any]) -> npt.NDArray[np.int64]:
    """Whole numbers as an array; TypeError or OverflowError if anything else is among them."""
    if set(map(type, values)) != {int}:
        raise TypeError("not only whole numbers")
    return np.fromiter(values, np.int64, len(values))


def are_times(values: npt.NDArray[np.int64]) -> bool:
    """Whether all of them may be times."""
    return bool(values.min() >= 0 and values.max() < MAX_TIME_US)


def _at_once(lines: bytes, first_number: int) -> Block | None:
    """All lines with one parse; None if anything about them is odd."""
    lines = lines.removesuffix(b"\n")
    if not lines or lines.endswith(b"\n"):
        return None
    octets = np.frombuffer(lines, np.uint8)
    ends = np.flatnonzero(octets == _NEWLINE)
    bounds = np.concatenate(([-1], ends, [len(lines)]))
    braces = octets[bounds[:-1] + 1] == _BRACE
    # One brace in each line, its first: no object can reach into another line.
    if not braces.all() or np.count_nonzero(octets == _BRACE) != len(braces):
        return None
    if np.diff(bounds).max() > MAX_LINE_BYTES:
        return None
    try:
        objects = orjson.loads(b"[" + lines.replace(b"\n", b",") + b"]")
        if len(objects) != len(braces):
            return None
        at_us = whole_numbers(_arrivals(objects))
    except (orjson.JSONDecodeError, KeyError, TypeError, OverflowError):
        return None
    if not are_times(at_us):
        return None
    return Block(np.arange(len(objects)) + first_number, objects, at_us)


def _arrivals(objects: list[dict[str, Any]]) -> list[Any]:
    """When lines arrived, as they tell it, or else their times."""
    with suppress(KeyError):
        return [entry["at"] for entry in objects]
    return [entry["at"] if "at" in entry else entry["t"] for entry in objects]


def _line_by_line(lines: bytes, first_number: int, tell: Tell) -> Block:
    numbers: list[int] = []
    objects: list[dict[str, Any]] = []
    arrivals: list[int] = []
    for number, line in enumerate(lines.removesuffix(b"\n").split(b"\n"), start=first_number):
        try:
            entry = orjson.loads(line[:MAX_LINE_BYTES])
            if not isinstance(entry, dict):
                raise BrokenLineError("a line is one JSON object")  # noqa: TRY301 - told below
            at = entry.get("at")
            arrivals.append(time_of(entry.get("t") if at is None else at))
        except orjson.JSONDecodeError as error:
            if line.strip():
                tell(number, f"not JSON: {_plain(error)}")
        except BrokenLineError as error:
            tell(number, str(error))
        else:
            numbers.append(number)
            objects.append(entry)
    return Block(np.array(numbers, np.int64), objects, np.array(arrivals, np.int64))


def _open(path: Path) -> IO[bytes]:
    try:
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        return path.open("rb")
    except OSError as error:
        raise DriverError(f"{path}: cannot be read: {error.strerror or error}") from error


def _rest_of_line(file: IO[bytes]) -> bytes:
    rest = part = file.readline(MAX_LINE_BYTES)
    while len(part) == MAX_LINE_BYTES and not part.endswith(b"\n"):
        part = file.readline(MAX_LINE_BYTES)
    return rest


def _plain(error: orjson.JSONDecodeError) -> str:
    return error.msg.replace("str is not valid UTF-8: surrogates not allowed", "no UTF-8 text")
