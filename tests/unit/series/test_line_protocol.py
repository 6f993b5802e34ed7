"""Lines: what a point becomes, and what nothing in it can become."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.series.line_protocol import SeriesLines, line
from gateway.series.points import MEASUREMENTS, MOVEMENT, READER, READS, SENSOR, FieldType, Point
from tests import hostile
from tests.outcomes import NOW_US

#: A line as every parser takes it apart: no escape but of comma, equals sign and space in tags.
_TAG = r"(?:[^,= \\\"\n]|\"|\\[,= ])+"
_STRING = r"\"(?:[^\"\\\n]|\\[\"\\])*\""
_FIELD = rf"[a-z_]+=(?:{_STRING}|true|false|-?\d+i|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)"
LINE = re.compile(rf"([a-z]+)((?:,[a-z_]+={_TAG})*) ({_FIELD}(?:,{_FIELD})*) (-?\d+)")


def names_of(text: str) -> tuple[str, list[str], list[str]]:
    """Measurement, names of tags, names of fields."""
    found = LINE.fullmatch(text)
    assert found is not None, text
    tags = re.findall(rf",([a-z_]+)={_TAG}", found[2])
    fields = re.findall(rf"(?:^|,)([a-z_]+)=(?={_STRING}|[^\"])", re.sub(_STRING, '""', found[3]))
    return found[1], tags, fields


def test_a_point_is_one_line() -> None:
    point = Point(READS, ("dc", "dock-1", "1", None, "door-1"), (412, 17, -55.5, None), NOW_US)
    assert line(point) == (
        "reads,site=dc,reader=dock-1,antenna=1,door=door-1 "
        f"reads=412i,tags=17i,rssi_mean_dbm=-55.5 {NOW_US}000"
    )


def test_types_are_those_declared_whatever_the_value() -> None:
    point = Point(READER, ("dc", "r"), (True, 5, 3, 2), 1)
    assert (
        line(point)
        == "reader,site=dc,reader=r up=1i,reads_per_s=5.0,clock_offset_ms=3.0,reconnects=2i 1000"
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_number_is_left_out(value: float) -> None:
    assert line(Point(SENSOR, ("dc", "s", "weight"), (value, None), 1)) is None


def test_a_sensor_has_a_value_or_a_state() -> None:
    assert (
        line(Point(SENSOR, ("dc", "a/b", "beam"), (None, True), 1))
        == "sensor,site=dc,sensor=a/b,kind=beam state=true 1000"
    )
    assert (
        line(Point(SENSOR, ("dc", "t", "temperature"), (1e-7, None), 1))
        == "sensor,site=dc,sensor=t,kind=temperature value=1e-07 1000"
    )


@pytest.mark.parametrize("text", hostile.TEXTS)
def test_nothing_hostile_leaves_its_place(text: str) -> None:
    tags = tuple(text for _ in MOVEMENT.tags)
    written = line(Point(MOVEMENT, tags, (text, text, text, 0.5, 1.0), NOW_US))
    assert written is not None
    _only_declared(written.encode("utf-8", "replace").decode())


@given(st.lists(st.text(max_size=20), min_size=8, max_size=8))
def test_no_text_leaves_its_place(texts: list[str]) -> None:
    written = line(Point(MOVEMENT, tuple(texts[:5]), (*texts[5:], 0.5, None), NOW_US))
    assert written is not None
    _only_declared(written.encode("utf-8", "replace").decode())


def _only_declared(text: str) -> None:
    assert text.splitlines() == [text]
    measurement, tags, fields = names_of(text)
    declared = MEASUREMENTS[measurement]
    assert set(tags) <= set(declared.tags)
    assert len(set(tags)) == len(tags)
    assert set(fields) <= set(declared.fields)


def test_points_of_one_moment_get_timestamps_of_their_own() -> None:
    lines = SeriesLines()
    point = Point(SENSOR, ("dc", "s", "weight"), (1.0, None), NOW_US)
    stamps = [int(str(lines.line(p)).split()[-1]) for p in (point, point, point)]
    assert stamps == [NOW_US * 1_000 + n for n in range(3)]
    other = Point(SENSOR, ("dc", "t", "weight"), (1.0, None), NOW_US)
    assert str(lines.line(other)).endswith(f"{NOW_US}000")


@given(st.lists(st.integers(0, 9), max_size=40))
def test_no_order_of_times_makes_two_points_one(shifts: list[int]) -> None:
    lines = SeriesLines()
    points = [Point(SENSOR, ("dc", "s", "weight"), (1.0, None), NOW_US + n) for n in shifts]
    stamps = [int(str(lines.line(point)).split()[-1]) for point in points]
    assert len(set(stamps)) == len(stamps)
    assert [stamp // 1_000 for stamp in stamps] == [point.time_us for point in points]


def test_a_later_or_earlier_moment_keeps_its_own_time() -> None:
    lines = SeriesLines()
    for shift in (0, 5, -7, 5_000_000):
        point = Point(SENSOR, ("dc", "s", "weight"), (1.0, None), NOW_US + shift)
        assert str(lines.line(point)).endswith(f" {NOW_US + shift}000")


def test_the_names_of_measurements_tags_and_fields_need_no_escape() -> None:
    for measurement in MEASUREMENTS.values():
        for name in (measurement.name, *measurement.tags, *measurement.fields):
            assert re.fullmatch("[a-z_]+", name)
        assert not set(measurement.tags) & set(measurement.fields)
        assert all(isinstance(kind, FieldType) for kind in measurement.fields.values())
