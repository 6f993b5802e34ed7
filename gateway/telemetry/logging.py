"""Logging: human lines on a terminal, priorities for the journal, JSON where a program reads.

Texts from outside reach log lines, so control characters are escaped and lengths bounded; and a
message that repeats is told a few times and then counted, so that a broken device cannot fill a
disk or hide the others.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import TextIO

from gateway.model.movement import iso_utc
from gateway.telemetry.repeats import Repeats

MAX_MESSAGE_CHARACTERS = 2_000
MAX_TRACEBACK_LINES = 60
LEVELS = ("debug", "info", "warning", "error")

#: Controls, and the marks that turn text around or start a line for some terminal or viewer.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_logging(
    level: str = "info",
    *,
    json_lines: bool = False,
    stream: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
    clock_s: Callable[[], float] = time.monotonic,
) -> None:
    """Send every logger's lines to `stream` (standard error), in the shape that suits it."""
    stream = sys.stderr if stream is None else stream
    formatter: logging.Formatter
    if json_lines:
        formatter = JsonFormatter()
    elif _is_journal(stream, environment):
        formatter = JournalFormatter()
    else:
        formatter = LineFormatter()
    handler = BoundedHandler(stream, Repeats(clock_s))
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)


def safe_text(text: str, limit: int = MAX_MESSAGE_CHARACTERS) -> str:
    r"""`text` on one line: controls as `\n` or `\x1b`, at most `limit` characters and `…`."""
    if len(text) > limit:
        text = text[:limit] + "…"
    return _UNSAFE.sub(_escape, text)


class BoundedHandler(logging.StreamHandler[TextIO]):
    """Writes lines; what repeats is held back and counted."""

    def __init__(self, stream: TextIO, repeats: Repeats) -> None:
        super().__init__(stream)
        self._repeats = repeats

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, unless it repeats; and what there is to say of earlier repetitions."""
        try:
            told, summaries = self._repeats.tell(record)
        except Exception:  # noqa: BLE001 - a bad format string; logging's own way out
            self.handleError(record)
            return
        for summary in summaries:
            super().emit(summary)
        if told:
            super().emit(record)

    def close(self) -> None:
        """Say what was held back, then let go."""
        for summary in self._repeats.rest():
            super().emit(summary)
        super().close()


class LineFormatter(logging.Formatter):
    """`12:00:01.612 WARNING llrp: reader dock-1 is down`, local time; tracebacks indented."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback's below it if there is one."""
        moment = time.localtime(record.created)
        clock = f"{time.strftime('%H:%M:%S', moment)}.{int(record.msecs):03d}"
        return "\n".join([f"{clock} {record.levelname:<7} {_text(record)}", *_traceback(record)])


class JournalFormatter(logging.Formatter):
    """`<4>llrp: reader dock-1 is down`: the journal takes the time itself, and the priority off."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and the traceback's below it, each with its priority."""
        priority = next((p for level, p in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in (_text(record), *_traceback(record)))


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, the `extra` fields, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """The object; extra fields are numbers, or text."""
        fields: dict[str, object] = {
            "time": iso_utc(int(record.created * 1_000_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": safe_text(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD_FIELDS:
                plain = value is None or isinstance(value, bool | int | float)
                fields[safe_text(name)] = value if plain else safe_text(str(value))
        if lines := _traceback(record):
            fields["traceback"] = "\n".join(lines)
        return json.dumps(fields, ensure_ascii=False)


def _text(record: logging.LogRecord) -> str:
    name = record.name.removeprefix("gateway.")
    return f"{name}: {safe_text(record.getMessage())}"


def _traceback(record: logging.LogRecord) -> list[str]:
    if not record.exc_info or record.exc_info[1] is None:
        return []
    lines = "".join(traceback.format_exception(record.exc_info[1])).splitlines()
    return ["    " + safe_text(line, 300) for line in lines[-MAX_TRACEBACK_LINES:]]


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"


def _is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether `stream` is the journal's own: systemd names its device and inode."""
    named = environment.get("JOURNAL_STREAM", "")
    if not named:
        return False
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{there.st_dev}:{there.st_ino}"
