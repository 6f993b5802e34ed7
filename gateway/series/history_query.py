"""Questions to the history of figures: a field of a measurement, by time, in equal steps."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.series.history import Level

#: The most that one answer holds, and the longest that it is worked on.
MOST_SERIES = 200
MOST_STEPS = 2_000
MOST_POINTS = 50_000
LONGEST_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`step_s` None: about 300 steps. `tags` are those that a series must have."""

    measurement: str
    field: str
    from_s: float
    to_s: float
    step_s: float | None = None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a series came to in one step; there are none for steps without a value."""

    time_s: int
    count: int
    mean: float
    lowest: float
    highest: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One series; `before` is its last value before the first step, None if there is none."""

    tags: Mapping[str, str]
    before: float | None
    steps: list[Step]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The series that fit, in the order of their tags; not `complete` when some were left out."""

    step_s: int
    series: list[Figures]
    complete: bool


def ask(path: Path, levels: tuple[Level, ...], question: Question, now_s: float) -> Answer:
    """Answer from the level that reaches back far enough; raises `sqlite3.Error`."""
    level, step_s = _fineness(levels, question, now_s)
    if not path.is_file():
        return Answer(step_s=step_s, series=[], complete=True)
    with contextlib.closing(sqlite3.connect(path, timeout=LONGEST_S)) as connection:
        connection.execute("PRAGMA query_only = 1")
        ends_at_s = time.monotonic() + LONGEST_S
        connection.set_progress_handler(lambda: time.monotonic() > ends_at_s, 50_000)
        return _answer(connection, level, step_s, question)


def _fineness(levels: tuple[Level, ...], question: Question, now_s: float) -> tuple[Level, int]:
    """The level to read and the step to answer in, a multiple of the level's own."""
    span_s = max(1.0, question.to_s - question.from_s)
    wanted_s = max(question.step_s or span_s / 300, span_s / MOST_STEPS)
    reaching = [level for level in levels if now_s - question.from_s <= level.keep_s]
    fitting = [level for level in reaching or levels[-1:] if level.step_s <= wanted_s]
    level = fitting[-1] if fitting else (reaching or levels[-1:])[0]
    return level, max(1, -(-round(wanted_s) // level.step_s)) * level.step_s


def _answer(
    connection: sqlite3.Connection, level: Level, step_s: int, question: Question
) -> Answer:
    begun = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'series'").fetchone()
    if begun is None:  # the file has just been made
        return Answer(step_s=step_s, series=[], complete=True)
    rows = connection.execute(
        "SELECT id, tags FROM series WHERE measurement = ? AND field = ? ORDER BY tags",
        (question.measurement, question.field),
    ).fetchall()
    found: list[Figures] = []
    points = 0
    for number, text in rows:
        tags: dict[str, str] = orjson.loads(text)
        if not question.tags.items() <= tags.items():
            continue
        if len(found) == MOST_SERIES or points >= MOST_POINTS:
            return Answer(step_s=step_s, series=found, complete=False)
        steps = _steps(connection, level, step_s, question, number)
        points += len(steps)
        before = _before(connection, level, step_s, question, number)
        if steps or before is not None:
            found.append(Figures(tags=tags, before=before, steps=steps))
    return Answer(step_s=step_s, series=found, complete=True)


def _steps(
    connection: sqlite3.Connection, level: Level, step_s: int, question: Question, number: int
) -> list[Step]:
    ratio = step_s // level.step_s
    table = level.table
    rows: list[tuple[Any, ...]] = connection.execute(
        "SELECT g.step, g.count, g.total, g.lowest, g.highest, p.last FROM (SELECT "  # noqa: S608
        "bucket / :ratio AS step, max(bucket) AS newest, sum(count) AS count, "
        "sum(total) AS total, min(lowest) AS lowest, max(highest) AS highest "
        f"FROM {table} WHERE series = :series AND bucket >= :first AND bucket < :end "
        f"GROUP BY step) AS g JOIN {table} AS p ON p.series = :series AND p.bucket = g.newest "
        "ORDER BY g.step",
        {
            "ratio": ratio,
            "series": number,
            "first": _first_step(question, step_s) * ratio,
            "end": -(-question.to_s // level.step_s),
        },
    ).fetchall()
    return [
        Step(
            time_s=step * step_s,
            count=count,
            mean=total / count,
            lowest=lowest,
            highest=highest,
            last=last,
        )
        for step, count, total, lowest, highest, last in rows
    ]


def _before(
    connection: sqlite3.Connection, level: Level, step_s: int, question: Question, number: int
) -> float | None:
    first = _first_step(question, step_s) * (step_s // level.step_s)
    row = connection.execute(
        f"SELECT last FROM {level.table} WHERE series = ? AND bucket < ? "  # noqa: S608 - our name
        "ORDER BY bucket DESC LIMIT 1",
        (number, first),
    ).fetchone()
    return None if row is None else float(row[0])


def _first_step(question: Question, step_s: int) -> int:
    return int(question.from_s // step_s)
