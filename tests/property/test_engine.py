"""What holds of the core for every story: no matter the tick, the shuffle, the reads."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.device import ReaderState
from gateway.model.movement import Kind, Movement
from tests.scene import Scene

ANTENNAS = ("dock/1", "dock/2", "aisle/1", "aisle/2")
TAGS = ("A", "B", "C")

runs_of_reads = st.lists(
    st.fixed_dictionaries(
        {
            "tag": st.sampled_from(TAGS),
            "antenna": st.sampled_from(ANTENNAS),
            "at_s": st.floats(0, 60),
            "for_s": st.floats(0, 20),
            "every_s": st.sampled_from([0.1, 0.3, 1.0]),
            "dbm": st.floats(-80, -40),
            "noise_db": st.sampled_from([0.0, 3.0]),
            "late_s": st.sampled_from([0.0, 0.0, 0.1, 0.5, 1.5, 30.0]),
        }
    ),
    min_size=1,
    max_size=12,
)


def play(story: list[dict[str, Any]], **how: Any) -> Scene:
    scene = Scene()
    for reads in story:
        scene.read(**reads)
    return scene.run(100, **how)


def timeless(movements: list[Movement]) -> list[bytes]:
    """The movements without the time at which they were decided."""
    return [replace(m, record_time_us=0).to_json() for m in movements]


@settings(max_examples=25)
@given(runs_of_reads, st.sampled_from([0.02, 0.033, 0.07, 0.1]))
def test_the_tick_decides_nothing(story: list[dict[str, Any]], tick_s: float) -> None:
    assert timeless(play(story).movements) == timeless(play(story, tick_s=tick_s).movements)


@settings(max_examples=12)
@given(runs_of_reads)
def test_the_order_of_reads_inside_a_tick_decides_nothing(story: list[dict[str, Any]]) -> None:
    one = timeless(play(story, shuffle=1).movements)
    assert one == timeless(play(story, shuffle=2).movements)


@settings(max_examples=40)
@given(runs_of_reads)
def test_a_tag_is_in_one_zone_at_a_time_and_time_never_goes_back(
    story: list[dict[str, Any]],
) -> None:
    by_tag: dict[str, list[Movement]] = defaultdict(list)
    for movement in play(story).movements:
        by_tag[movement.epc].append(movement)
    for movements in by_tag.values():
        assert [m.seq for m in movements] == list(range(1, len(movements) + 1))
        zone = None
        event_us = 0
        for m in movements:
            assert m.event_time_us >= event_us
            assert m.event_time_us <= m.record_time_us
            assert m.from_zone == zone or m.direction is not None
            assert m.from_zone != m.to_zone
            zone, event_us = m.to_zone, m.event_time_us
            if m.kind in (Kind.MISSING, Kind.DEPARTED):
                assert m.to_zone is None


@settings(max_examples=20)
@given(runs_of_reads)
def test_there_is_no_movement_without_reads(story: list[dict[str, Any]]) -> None:
    read = {reads["tag"] for reads in story}
    scene = play(story)
    for tag in set(TAGS) - read:
        assert not scene.of(tag)


@settings(max_examples=12)
@given(runs_of_reads)
def test_dead_readers_never_make_anything_leave(story: list[dict[str, Any]]) -> None:
    scene = Scene()
    for reads in story:
        scene.read(**reads)
    for reader in ("dock", "aisle"):
        scene.status(reader, ReaderState.DOWN, at_s=85)
    scene.run(900)
    assert not [m for m in scene.movements if m.kind in (Kind.MISSING, Kind.DEPARTED)]
