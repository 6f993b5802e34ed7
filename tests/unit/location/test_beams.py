"""Beams: what counts as broken, and which sensors can be believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gateway.location.beams import FLICKER_CHANGES, MOST_MISSED, STUCK_US, Beams
from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.model.device import SensorReading
from tests.scene import SITE, START_US, S

INNER, OUTER, CONTACT = "door-1/inner", "door-1/outer", "door-1/contact"


def beams() -> Beams:
    return Beams(replace(SITE, doors=(replace(SITE.doors[0], contact=CONTACT),)))


def say(
    beams: Beams, sensor: str, value: bool | float, *, at_s: float, initial: bool = False
) -> None:
    time_us = START_US + round(at_s * S)
    reading = SensorReading(
        sensor=sensor, value=value, time_us=time_us, at_us=time_us, initial=initial
    )
    beams.observe([reading])


def broken_s(beams: Beams, side: int) -> list[float]:
    return [(time_us - START_US) / S for time_us in beams.broken_us(0, side)]


def problems(beams: Beams, at_s: float) -> dict[str, str | None]:
    return {h.sensor: h.problem for h in beams.health(START_US + round(at_s * S))}


def test_a_beam_that_says_again_that_it_is_broken_was_broken_once() -> None:
    door = beams()
    for at_s in (1, 2, 3):
        say(door, INNER, True, at_s=at_s)
    say(door, INNER, False, at_s=4)
    say(door, INNER, True, at_s=9)
    assert broken_s(door, INSIDE) == [1, 9]
    assert broken_s(door, OUTSIDE) == []


def test_readings_out_of_order_are_put_in_order() -> None:
    door = beams()
    for at_s, value in ((5, False), (1, True), (9, True), (8, True), (8.5, False), (0.5, False)):
        say(door, INNER, value, at_s=at_s)
    assert broken_s(door, INSIDE) == [8]
    later = beams()
    for at_s, value in ((1, True), (5, False), (9, True), (8, True)):
        say(later, INNER, value, at_s=at_s)
    assert broken_s(later, INSIDE) == [1, 8]


def test_what_was_there_when_we_began_to_listen_is_no_event() -> None:
    door = beams()
    say(door, INNER, True, at_s=0, initial=True)
    assert broken_s(door, INSIDE) == []
    say(door, INNER, False, at_s=4)
    say(door, INNER, True, at_s=6)
    assert broken_s(door, INSIDE) == [6]


def test_what_is_no_beam_and_no_switch_is_left_alone() -> None:
    door = beams()
    say(door, "hall/temperature", 21.5, at_s=0)
    say(door, INNER, 1.0, at_s=0)
    assert broken_s(door, INSIDE) == []


def test_a_beam_that_stays_broken_is_found_out_and_forgiven() -> None:
    door = beams()
    say(door, INNER, True, at_s=0)
    assert problems(door, STUCK_US / S - 1) == {}
    (sentence,) = problems(door, STUCK_US / S + 1).values()
    assert sentence is not None
    assert "broken since 2024-11-21T15:40:00.000Z" in sentence
    assert broken_s(door, INSIDE) == []
    assert problems(door, STUCK_US / S + 2) == {}  # told once
    say(door, INNER, False, at_s=STUCK_US / S + 3)
    assert problems(door, STUCK_US / S + 4) == {INNER: None}


def test_a_beam_that_flickers_is_no_evidence_until_it_is_quiet() -> None:
    door = beams()
    for step in range(FLICKER_CHANGES + 20):
        say(door, OUTER, step % 2 == 0, at_s=step / 10)
    (sentence,) = problems(door, 6).values()
    assert sentence is not None
    assert "flickers" in sentence
    assert door.broken_us(0, OUTSIDE) == []
    assert door.story(0, START_US, START_US + 60 * S) == []
    assert problems(door, 60) == {OUTER: None}
    say(door, OUTER, True, at_s=61)
    assert broken_s(door, OUTSIDE)[-1] == 61


def test_a_beam_that_misses_load_after_load_is_found_out() -> None:
    door = beams()
    say(door, CONTACT, True, at_s=0)
    for load in range(MOST_MISSED):
        say(door, INNER, True, at_s=load * 100)
        say(door, INNER, False, at_s=load * 100 + 2)
        assert problems(door, load * 100) == {}
        door.noticed(0, START_US + load * 100 * S, START_US + (load * 100 + 2) * S)
    (told,) = problems(door, 600).items()
    assert told == (OUTER, f"It did not notice the last {MOST_MISSED} loads through its door.")


def test_a_contact_that_says_closed_while_loads_pass_is_found_out() -> None:
    door = beams()
    say(door, CONTACT, False, at_s=0)
    assert door.closed(0, START_US + S)
    for load in range(MOST_MISSED):
        door.noticed(0, START_US + load * 100 * S, START_US + (load * 100 + 2) * S)
    assert CONTACT in problems(door, 600)
    assert not door.closed(0, START_US + S)


def test_the_story_is_told_in_order_and_in_words() -> None:
    door = beams()
    say(door, CONTACT, True, at_s=0)
    say(door, OUTER, True, at_s=6)
    say(door, INNER, True, at_s=5)
    say(door, INNER, False, at_s=7)
    assert door.story(0, START_US, START_US + 10 * S) == [
        {"sensor": CONTACT, "open": "2024-11-21T15:40:00.000Z"},
        {"sensor": INNER, "broken": "2024-11-21T15:40:05.000Z"},
        {"sensor": OUTER, "broken": "2024-11-21T15:40:06.000Z"},
        {"sensor": INNER, "clear": "2024-11-21T15:40:07.000Z"},
    ]


def test_both_beams_near_a_crossing_tell_their_order() -> None:
    door = beams()
    say(door, INNER, True, at_s=5)
    say(door, OUTER, True, at_s=6)
    at_us = START_US + np.array([5, 60]) * S
    sign, span_s, any_beam = door.near(np.zeros(2, dtype=np.intp), at_us)
    assert sign.tolist() == [1.0, 0.0]
    assert span_s.tolist() == [1.0, 0.0]
    assert any_beam.tolist() == [1.0, 0.0]
