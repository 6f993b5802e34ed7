"""Log lines: safe on a terminal, whole in the journal, easy to parse, few when they repeat."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.logging import MAX_MESSAGE_CHARACTERS, safe_text, set_up_logging
from gateway.telemetry.repeats import LIKE_LIMIT, MAX_REMEMBERED, SAME_LIMIT, WINDOW_S

logger = logging.getLogger("gateway.drivers.llrp")


class _Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def _fail() -> None:
    raise ValueError("bad\nthing")


def test_a_line_for_people_has_time_level_place_and_text() -> None:
    out = io.StringIO()
    set_up_logging(stream=out)
    logger.warning("reader %s is down: %s", "dock-1", "refused")
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} WARNING drivers\.llrp: reader dock-1 is down: refused\n",
        out.getvalue(),
    )


def test_what_is_below_the_level_is_not_told() -> None:
    out = io.StringIO()
    set_up_logging("warning", stream=out)
    logger.info("hello")
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("tab\tand\nline", "tab\\tand\\nline"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\x9b2J", "\\x9b2J"),
        ("Größe 5 µm", "Größe 5 µm"),
        ("\ud800", "\\ud800"),
    ],
)
def test_controls_in_texts_from_outside_are_shown_and_not_obeyed(text: str, safe: str) -> None:
    out = io.StringIO()
    set_up_logging(stream=out)
    logger.info("it says %s", text)
    assert out.getvalue().endswith(f"it says {safe}\n")


def test_long_texts_are_cut() -> None:
    assert len(safe_text("x" * 1_000_000)) == MAX_MESSAGE_CHARACTERS + 1


def test_the_journal_gets_priorities_on_every_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with path.open("w") as stream:
        there = os.fstat(stream.fileno())
        environment = {"JOURNAL_STREAM": f"{there.st_dev}:{there.st_ino}"}
        set_up_logging(stream=stream, environment=environment)
        logger.info("one")
        try:
            _fail()
        except ValueError:
            logger.exception("two")
    lines = path.read_text().splitlines()
    assert lines[0] == "<6>drivers.llrp: one"
    assert lines[1] == "<3>drivers.llrp: two"
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines[1:])


def test_a_stream_that_is_not_the_journals_gets_plain_lines() -> None:
    out = io.StringIO()
    set_up_logging(stream=out, environment={"JOURNAL_STREAM": "1:2"})
    logger.info("one")
    assert not out.getvalue().startswith("<")


def test_programs_get_an_object_a_line() -> None:
    out = io.StringIO()
    set_up_logging(stream=out, json_lines=True)
    try:
        _fail()
    except ValueError:
        logger.exception("it %s", "failed", extra={"reader": "dock-\n1", "count": 3, "odd": {1}})
    (line,) = out.getvalue().splitlines()
    fields = json.loads(line)
    assert fields["level"] == "error"
    assert fields["logger"] == "gateway.drivers.llrp"
    assert fields["message"] == "it failed"
    assert (fields["reader"], fields["count"], fields["odd"]) == ("dock-\\n1", 3, "{1}")
    assert "ValueError" in fields["traceback"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", fields["time"])


def test_the_same_message_is_told_a_few_times_and_then_counted(clock: _Clock) -> None:
    out = io.StringIO()
    set_up_logging(stream=out, clock_s=clock)
    for _ in range(100):
        logger.warning("no answer from %s", "dock-1")
    logger.warning("no answer from %s", "dock-2")
    assert out.getvalue().count("dock-1") == SAME_LIMIT
    assert out.getvalue().count("dock-2") == 1
    clock.now_s += WINDOW_S + 1
    logger.info("something else")
    summary, last = out.getvalue().splitlines()[-2:]
    assert f"no answer from dock-1 ({100 - SAME_LIMIT} times the same in 10 s" in summary
    assert "WARNING" in summary
    assert last.endswith("something else")


def test_messages_that_differ_only_in_their_details_are_held_back_too(clock: _Clock) -> None:
    out = io.StringIO()
    set_up_logging(stream=out, clock_s=clock)
    for n in range(1_000):
        logger.warning("broken line %d", n)
    assert len(out.getvalue().splitlines()) == LIKE_LIMIT
    logging.getLogger().handlers[0].close()
    assert f"({1_000 - LIKE_LIMIT} times more like it" in out.getvalue()


def test_what_is_remembered_is_bounded_and_nothing_counted_is_lost(clock: _Clock) -> None:
    out = io.StringIO()
    set_up_logging(stream=out, clock_s=clock)
    for n in range(3 * MAX_REMEMBERED):
        for _ in range(SAME_LIMIT + 1):
            logger.warning(f"place {n} says so")  # noqa: G004 - as many templates as texts
    logging.getLogger().handlers[0].close()
    told = out.getvalue()
    assert told.count("times the same") == 3 * MAX_REMEMBERED
    assert told.count("\n") == 3 * MAX_REMEMBERED * (SAME_LIMIT + 1)


def test_warnings_of_libraries_become_log_lines() -> None:
    out = io.StringIO()
    set_up_logging(stream=out)
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(capture=True)
        warnings.warn("old way", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    assert "old way" in out.getvalue()


def test_a_bad_format_does_not_stop_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(stream=io.StringIO())
    logger.info("%d", "not a number")
    assert "Logging error" in capsys.readouterr().err
