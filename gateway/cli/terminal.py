"""How answers look on a terminal: local times, durations in words, columns that line up."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def plain(text: str) -> str:
    """Text of a device or a person without what a terminal would obey."""
    return "".join(c if c.isprintable() else "�" for c in text)


def clock(iso: str | None) -> str:
    """`12:00:01` in local time, with the date before it unless it is today's; `-` for None."""
    if iso is None:
        return "-"
    moment = datetime.fromisoformat(iso).astimezone()
    today = datetime.now().astimezone().date()
    return moment.strftime("%H:%M:%S" if moment.date() == today else "%Y-%m-%d %H:%M:%S")


def exact(iso: str) -> str:
    """The same with tenths of a second."""
    return f"{clock(iso)}{iso[19:21]}"


def ago(iso: str) -> str:
    """`3 min ago`."""
    seconds = time.time() - datetime.fromisoformat(iso).timestamp()
    return f"{span(seconds)} ago" if seconds >= 1 else "just now"


def span(seconds: float) -> str:
    """`2 h 5 min`: the largest unit and the next one."""
    left = max(0, int(seconds))
    for (size, unit), (smaller, smaller_unit) in pairwise(_UNITS):
        if left >= size:
            rest = left % size // smaller
            return f"{left // size} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{left} s"


def columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table: columns as wide as their widest entry."""
    table = [head, *rows]
    widths = [max(len(row[n]) for row in table) for n in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )
