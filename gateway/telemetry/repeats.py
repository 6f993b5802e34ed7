"""Repeats: which log records are told, and which are only counted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

#: A message counts as repeated within this time of its first telling.
WINDOW_S = 10.0
#: How often the very same message is told in that time …
SAME_LIMIT = 3
#: … and how often one place in the code may tell messages that differ.
LIKE_LIMIT = 30
#: Messages that are remembered at once; the oldest is forgotten, and its count told.
MAX_REMEMBERED = 1_000


@dataclass(slots=True)
class _Window:
    ends_at_s: float
    limit: int
    name: str  # of the record that began it; the record itself may hold on to much more
    level: int
    text: str
    told: int = 0
    held_back: int = 0


class Repeats:
    """Lets a record pass, or counts it. The handler's lock protects it."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        # In order of their ends, because all windows are equally long.
        self._windows: dict[tuple[str, ...], _Window] = {}

    def tell(self, record: logging.LogRecord) -> tuple[bool, list[logging.LogRecord]]:
        """Whether to tell this record, and the summaries that are due before it."""
        now_s = self._clock_s()
        summaries = self._end_windows(now_s)
        like = self._window(record, (str(record.msg), ""), LIKE_LIMIT, now_s)
        if like.told >= like.limit:
            like.held_back += 1
            return False, summaries
        same = self._window(record, (record.getMessage(),), SAME_LIMIT, now_s)
        if same.told >= same.limit:
            same.held_back += 1
            return False, summaries
        like.told += 1
        same.told += 1
        return True, summaries

    def rest(self) -> list[logging.LogRecord]:
        """The summaries of everything that is still held back."""
        return self._end_windows(float("inf"))

    def _window(
        self, record: logging.LogRecord, text: tuple[str, ...], limit: int, now_s: float
    ) -> _Window:
        key = (record.name, record.levelname, *text)
        window = self._windows.get(key)
        if window is None:
            message = record.getMessage()
            window = _Window(now_s + WINDOW_S, limit, record.name, record.levelno, message)
            self._windows[key] = window
        return window

    def _end_windows(self, now_s: float) -> list[logging.LogRecord]:
        summaries = []
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.ends_at_s > now_s and len(self._windows) < MAX_REMEMBERED:
                break
            del self._windows[key]
            if window.held_back:
                summaries.append(_summary(window, same=window.limit == SAME_LIMIT))
        return summaries


def _summary(window: _Window, *, same: bool) -> logging.LogRecord:
    what = "the same" if same else "more like it"
    text = f"{window.text} ({window.held_back} times {what} in {WINDOW_S:g} s, not shown)"
    return logging.LogRecord(window.name, window.level, "", 0, text, None, None)
