"""What of a load that stops in a door had crossed before it stopped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from gateway.location.beams import Beams
from gateway.location.stops import Stops
from gateway.location.tracks import BIN_US, BINS, Tracks
from gateway.model.device import SensorReading
from gateway.model.movement import Direction
from tests.scene import SITE, Scene, seconds

S = 1_000_000
SILENT_DBM = -120.0
INWARD = ((10, "outer", True), (11, "inner", True))


@dataclass
class Heard:
    """Tracks at door-1 of which is known when they were heard how strongly: inside, outside."""

    spans: list[tuple[float, float, float, float]] = field(default_factory=list)
    door: Any = field(default_factory=lambda: np.zeros(1, dtype=np.intp))

    def window(self, rows: Any, end_us: int) -> tuple[Any, Any]:
        ages_s = (np.arange(-BINS, 0) + 0.5) * BIN_US / 1e6
        power = np.full((BINS, 2, len(rows)), SILENT_DBM)
        for from_s, to_s, inside_dbm, outside_dbm in self.spans:
            times_s = end_us / S + ages_s
            when = (times_s >= from_s) & (times_s < to_s)
            power[when, 0], power[when, 1] = inside_dbm, outside_dbm
        return power, ages_s


def stops(heard: Heard, *changes: tuple[float, str, bool]) -> Stops:
    """Those of a site whose beams at door-1 changed like this: seconds, beam, broken."""
    beams = Beams(SITE)
    beams.observe(
        SensorReading(
            sensor=f"door-1/{beam}", value=broken, time_us=round(t * S), at_us=round(t * S)
        )
        for t, beam, broken in changes
    )
    return Stops(beams, cast("Tracks", heard), 1)


def crossed_s(heard: Heard, *changes: tuple[float, str, bool], outward: bool = False) -> float:
    about_us, end_us = changes[-1][0] * S, 27 * S
    found = stops(heard, *changes).crossed_us(
        0, outward=outward, about_us=round(about_us), end_us=end_us
    )
    assert found is not None
    return found / S


def test_what_was_inside_while_its_load_stood_before_the_line_came_in_before_it_stopped() -> None:
    changes = (*INWARD, (24, "outer", False), (25, "inner", False))
    ahead = Heard([(14, 23, -50.0, -65.0), (23, 27, -50.0, SILENT_DBM)])
    assert 11 < crossed_s(ahead, *changes) < 13
    behind = Heard([(14, 23, -65.0, -50.0), (23, 27, -50.0, SILENT_DBM)])
    assert crossed_s(behind, *changes) == 24
    both_alike = Heard([(14, 27, -60.0, -60.0)])
    assert crossed_s(both_alike, *changes) == 24
    not_heard = Heard([(25, 27, -50.0, SILENT_DBM)])
    assert crossed_s(not_heard, *changes) == 24


def test_what_was_outside_while_its_load_stood_over_the_line_came_in_when_it_went_on() -> None:
    changes = (*INWARD, (13, "outer", False), (24, "inner", False))
    ahead = Heard([(14, 27, -50.0, -65.0)])
    assert crossed_s(ahead, *changes) == 13
    behind = Heard([(14, 23, -65.0, -50.0), (23, 27, -50.0, SILENT_DBM)])
    assert 22 < crossed_s(behind, *changes) < 24


def test_loads_that_are_carried_out_are_judged_alike() -> None:
    stood_before = ((12, "inner", True), (22, "outer", True), (24, "inner", False))
    outside = Heard([(14, 27, -65.0, -50.0)])
    assert crossed_s(outside, *stood_before, outward=True) == 13
    inside = Heard([(14, 22, -50.0, -65.0), (22, 27, -65.0, -50.0)])
    assert crossed_s(inside, *stood_before, outward=True) == 22


def test_a_load_that_does_not_stop_crosses_as_a_whole() -> None:
    changes = (*INWARD, (14, "outer", False), (15, "inner", False))
    outside = Heard([(10, 27, -65.0, -50.0)])
    assert crossed_s(outside, *changes) == 14


def test_what_is_behind_the_line_while_its_load_stands_over_it_has_yet_to_cross() -> None:
    over_the_line = (*INWARD, (13, "outer", False))

    def yet(heard: Heard, *changes: tuple[float, str, bool], now_s: int = 16) -> bool:
        these = stops(heard, *changes)
        return these.has_yet_to_cross(0, outward=False, about_us=13 * S, end_us=now_s * S)

    behind = Heard([(11, 60, -62.0, -58.0)])
    assert yet(behind, *over_the_line)
    assert not yet(behind, *over_the_line, (15, "inner", False))
    assert not yet(behind, *over_the_line, now_s=50)  # it stays there
    assert not yet(Heard([(11, 60, -55.0, -65.0)]), *over_the_line)


def test_it_is_learnt_how_much_better_one_side_hears_the_line_of_a_door() -> None:
    changes = (*INWARD, (14, "outer", False), (15, "inner", False))
    heard = Heard([(13, 15, -60.0, -50.0)])
    learnt = stops(heard, *changes)
    assert learnt.on_line_db(0) == 0.0
    for _ in range(2000):
        learnt.learn(0, outward=False, about_us=14 * S, end_us=16 * S)
    assert 9.0 < learnt.on_line_db(0) <= 10.0
    # Antennas that were moved are learnt anew, and a load that stops teaches nothing.
    heard.spans = [(13, 15, -50.0, -60.0)]
    for _ in range(2000):
        learnt.learn(0, outward=False, about_us=14 * S, end_us=16 * S)
    assert learnt.on_line_db(0) < -9.0
    stopped = stops(heard, *INWARD, (20, "outer", False), (21, "inner", False))
    stopped.learn(0, outward=False, about_us=14 * S, end_us=22 * S)
    assert stopped.on_line_db(0) == 0.0


def test_the_rear_of_a_load_that_stands_over_the_line_passes_when_it_goes_on() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(8)]
    for beam in ("inner", "outer"):
        scene.sensor(f"door-1/{beam}", False, at_s=1.0)
    scene.sensor("door-1/outer", True, at_s=26.5)
    scene.sensor("door-1/inner", True, at_s=27.5)
    scene.sensor("door-1/outer", False, at_s=30.5)
    scene.sensor("door-1/inner", False, at_s=40.5)
    for name in names:
        scene.read(name, "dock/2", at_s=20, for_s=7, every_s=0.4, dbm=-68, noise_db=2)
        # By its power it came in; but then it is heard better by the outside, for long.
        scene.drive(name, at_s=30.0, out=False, stop_m=0.6)
        scene.read(name, "dock/1", at_s=30.6, for_s=9.4, every_s=0.3, dbm=-60, noise_db=2)
        scene.read(name, "dock/2", at_s=30.6, for_s=9.4, every_s=0.3, dbm=-52, noise_db=2)
        scene.read(name, "dock/1", at_s=40, for_s=1.5, every_s=0.1, dbm=-50, noise_db=2)
        scene.read(name, "dock/1", at_s=41.5, for_s=15, every_s=0.5, dbm=-66, noise_db=2)
    scene.run(60)
    passed = [m for name in names for m in scene.of(name) if m.direction is Direction.IN]
    assert len(passed) >= 6
    waited = [m for m in passed if seconds(m.record_time_us) > 40.0]
    assert len(waited) >= 5
    assert all(39.0 < seconds(m.event_time_us) < 41.0 for m in waited)
