"""The history of figures: coarser with age, bounded, and never a reason not to start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.series.history import History, levels
from gateway.series.history_query import Answer, Question, ask
from gateway.series.points import MOVEMENT, SENSOR, ZONE, Point

KEPT = levels(keep_10s=3_600.0, keep_1m=86_400.0, keep_15m=864_000.0)
NOW_S = 1_795_262_400  # a multiple of 900
MB = 1_000_000


def opened(folder: Path, limit_bytes: int = 100 * MB) -> History:
    return History(folder / "series.db", KEPT, limit_bytes)


def zone(tags: int, at_s: float, name: str = "bin-a") -> Point:
    return Point(ZONE, ("dc", name), (tags, 0, 0), round(at_s * 1e6))


def told(
    history: History,
    begin_s: float,
    end_s: float = NOW_S,
    *,
    step_s: float | None = None,
    now_s: float = NOW_S,
    **tags: str,
) -> Answer:
    question = Question(
        measurement="zone", field="tags", from_s=begin_s, to_s=end_s, step_s=step_s, tags=tags
    )
    return ask(history.path, history.levels, question, now_s)


def test_figures_come_back_in_steps(tmp_path: Path) -> None:
    history = opened(tmp_path)
    history.add([zone(n, NOW_S - 600 + n) for n in range(600)])
    history.flush(NOW_S * 1_000_000)
    answer = told(history, NOW_S - 600, step_s=60)
    (series,) = answer.series
    assert (answer.step_s, series.tags) == (60, {"site": "dc", "zone": "bin-a"})
    assert [(s.time_s, s.count, s.mean, s.lowest, s.highest, s.last) for s in series.steps] == [
        (NOW_S - 600 + 60 * n, 60, 60 * n + 29.5, 60 * n, 60 * n + 59, 60 * n + 59)
        for n in range(10)
    ]
    history.close()


def test_what_is_told_late_or_in_parts_is_added_to_its_step(tmp_path: Path) -> None:
    history = opened(tmp_path)
    for tags in (5, 1, 3):
        history.add([zone(tags, NOW_S - 5)])
        history.flush(NOW_S * 1_000_000)
    (step,) = told(history, NOW_S - 60).series[0].steps
    assert (step.count, step.mean, step.lowest, step.highest, step.last) == (3, 3.0, 1.0, 5.0, 3.0)
    history.close()


def test_the_value_before_the_first_step_is_told(tmp_path: Path) -> None:
    history = opened(tmp_path)
    history.add([zone(7, NOW_S - 3_000)])
    history.flush(NOW_S * 1_000_000)
    (series,) = told(history, NOW_S - 600).series
    assert (series.before, series.steps) == (7.0, [])
    history.close()


def test_series_are_chosen_by_their_tags(tmp_path: Path) -> None:
    history = opened(tmp_path)
    history.add([zone(n, NOW_S - 5, name) for n, name in enumerate(("a", "b", "c"))])
    history.flush(NOW_S * 1_000_000)
    assert [s.tags["zone"] for s in told(history, NOW_S - 60).series] == ["a", "b", "c"]
    assert [s.tags["zone"] for s in told(history, NOW_S - 60, zone="b").series] == ["b"]
    assert told(history, NOW_S - 60, zone="d").series == []
    history.close()


def test_movements_are_counted_and_texts_are_not_kept(tmp_path: Path) -> None:
    history = opened(tmp_path)
    tags = ("dc", "moved", "yard", "door-1", "out")
    for n in range(4):
        values = (f"EPC{n}", "staging-1", f"id-{n}", 0.5, None)
        history.add([Point(MOVEMENT, tags, values, (NOW_S - 5) * 1_000_000)])
    history.add([Point(SENSOR, ("dc", "s", "beam"), (None, True), (NOW_S - 5) * 1_000_000)])
    history.flush(NOW_S * 1_000_000)
    with sqlite3.connect(history.path) as connection:
        rows = connection.execute("SELECT measurement, field FROM series ORDER BY 1").fetchall()
    connection.close()
    assert rows == [("movement", "confidence"), ("sensor", "state")]
    history.close()


def test_age_makes_it_coarser_and_then_ends_it(tmp_path: Path) -> None:
    history = opened(tmp_path)
    ages_s = (60, 2 * 3_600, 2 * 86_400, 20 * 86_400)
    history.add([zone(n, NOW_S - age_s) for n, age_s in enumerate(ages_s)])
    history.flush(NOW_S * 1_000_000)
    with sqlite3.connect(history.path) as connection:
        left = [
            connection.execute(f"SELECT count(*) FROM {level.table} WHERE series = 1").fetchone()[0]
            for level in KEPT
        ]
    connection.close()
    assert left == [1, 2, 3]
    assert told(history, NOW_S - 3_000, step_s=1).step_s == 10
    assert told(history, NOW_S - 7_200, step_s=1).step_s == 60
    assert told(history, NOW_S - 3 * 86_400, step_s=1).step_s == 900
    history.close()


def test_an_answer_is_bounded_however_fine_it_is_wanted(tmp_path: Path) -> None:
    history = opened(tmp_path)
    answer = told(history, NOW_S - 9 * 86_400, step_s=0.001)
    assert answer.step_s * 2_000 >= 9 * 86_400
    history.add([zone(1, NOW_S - 5, f"z{n}") for n in range(250)])
    history.flush(NOW_S * 1_000_000)
    answer = told(history, NOW_S - 60)
    assert (len(answer.series), answer.complete) == (200, False)
    history.close()


def test_its_size_is_bounded_and_the_newest_stays(tmp_path: Path) -> None:
    history = opened(tmp_path, limit_bytes=300_000)
    for second in range(0, 6_000, 10):
        now_s = NOW_S + second
        history.add([zone(second, now_s, f"z{n}") for n in range(20)])
        history.flush(now_s * 1_000_000)
    assert history.path.stat().st_size <= 300_000
    assert history.shed == 0
    newest = told(history, now_s - 60, now_s + 10, now_s=now_s).series
    assert len(newest) == 20
    assert {series.steps[-1].last for series in newest} == {5_990.0}
    history.close()


@pytest.mark.parametrize("damage", ["no database", "a hole", "cut short"])
def test_a_damaged_file_is_set_aside_and_begun_anew(tmp_path: Path, damage: str) -> None:
    history = opened(tmp_path)
    history.add([zone(n, NOW_S - 600 + n, f"z{n}") for n in range(600)])
    history.flush(NOW_S * 1_000_000)
    history.close()
    raw = bytearray(history.path.read_bytes())
    if damage == "no database":
        raw = bytearray(b"hello " * 1_000)
    elif damage == "a hole":
        raw[4_096:] = b"\xff" * (len(raw) - 4_096)
    else:
        raw = raw[: len(raw) // 2]
    history.path.write_bytes(raw)
    again = opened(tmp_path)
    for second in range(3):  # damage may be met while opening, or only later
        again.add([zone(9, NOW_S - second, f"z{n}") for n in range(600)])
        again.flush((NOW_S + 60 * second) * 1_000_000)
    assert told(again, NOW_S - 60, zone="z1").series[0].steps[-1].last == 9.0
    assert list(tmp_path.glob("series.db.damaged-*"))
    again.close()


def test_a_folder_instead_of_the_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "series.db").mkdir()
    history = opened(tmp_path)
    history.add([zone(1, NOW_S - 5)])
    history.flush(NOW_S * 1_000_000)
    assert len(told(history, NOW_S - 60).series) == 1
    history.close()


def test_what_cannot_be_written_is_shed_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    history = History(tmp_path / "absent" / "series.db", KEPT, MB)
    for _ in range(3):
        history.add([zone(1, NOW_S - 5)])
        history.flush(NOW_S * 1_000_000)
    assert history.shed == 9
    assert len([r for r in caplog.records if "cannot be written" in r.message]) == 1
    (tmp_path / "absent").mkdir()
    history.add([zone(1, NOW_S - 5)])
    history.flush(NOW_S * 1_000_000)
    assert history.shed == 9
    history.close()


def test_before_anything_was_kept_there_is_nothing(tmp_path: Path) -> None:
    assert told(opened(tmp_path), NOW_S - 60).series == []
