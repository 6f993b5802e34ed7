"""Walls: what the doors beside hear says on which side of the wall a tag is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from gateway.location.coverage import Coverage
from gateway.location.sightings import SIGHTING
from gateway.location.tracks import Bools, Tracks
from gateway.location.walls import doors_of_wall, is_behind, was_beyond, zones_of_wall
from gateway.model.place import Antenna, Door, Side, Zone
from tests.scene import SITE, START_US, S, Scene

SIDES = (Side.INSIDE, Side.OUTSIDE)
#: Two doors beside each other, and one that leads on from the first one's staging area.
DOORS = replace(
    SITE,
    zones=(*SITE.zones, Zone(id="staging-2"), Zone(id="hall")),
    doors=(
        *SITE.doors,
        Door(id="door-2", inside="staging-2", outside="yard"),
        Door(id="door-3", inside="hall", outside="staging"),
    ),
    antennas=tuple(
        Antenna(reader=f"door-{door}", port=port, door=f"door-{door}", side=side)
        for door in (1, 2, 3)
        for port, side in enumerate(SIDES, start=1)
    ),
)
#: A tag that is said to have crossed door-1 then, and what is read of it: second, antenna, dBm.
CROSSED_S = 10.0
Read = tuple[float, str, float]
AT_THE_DOOR: Read = (10.0, "door-1/1", -50.0)


def behind(*reads: Read, out: bool = True) -> bool:
    return asked(is_behind, reads, out)


def beyond(*reads: Read, out: bool = True) -> bool:
    return asked(was_beyond, reads, out)


def asked(question: Callable[..., Bools], reads: Iterable[Read], out: bool) -> bool:
    coverage = Coverage(DOORS)
    tracks = Tracks(coverage)
    for at_s, name, dbm in reads:
        reader, port = name.split("/")
        sighting = np.zeros(1, dtype=SIGHTING)
        sighting["antenna"] = DOORS.antenna_numbers[reader, int(port)]
        sighting["first_us"] = sighting["last_us"] = time_us = START_US + round(at_s * S)
        sighting["peak_cdbm"] = sighting["mean_cdbm"] = round(dbm * 100)
        tracks.advance(time_us + 1)
        tracks.add(sighting)
    tracks.advance(START_US + 15 * S)
    row = tracks.row_of(0, 0)
    assert row is not None
    crossing_us = np.array([START_US + round(CROSSED_S * S)])
    beside = doors_of_wall(coverage)
    return bool(question(tracks, beside, np.array([row]), np.array([out]), crossing_us)[0])


@pytest.mark.parametrize(("out", "port"), [(True, 1), (False, 2)])
def test_what_the_door_beside_hears_where_it_came_from_did_not_go(out: bool, port: int) -> None:
    assert behind(AT_THE_DOOR, (12.0, f"door-2/{port}", -60.0), out=out)


@pytest.mark.parametrize("far", ["door-1/2", "door-2/2"])
def test_what_is_heard_as_well_from_beyond_may_have_gone(far: str) -> None:
    assert not behind(AT_THE_DOOR, (12.0, "door-2/1", -60.0), (13.0, far, -63.0))
    assert behind(AT_THE_DOOR, (12.0, "door-2/1", -60.0), (13.0, far, -70.0))


def test_what_was_heard_before_it_crossed_says_nothing() -> None:
    assert not behind((8.0, "door-2/1", -55.0), AT_THE_DOOR)


@pytest.mark.parametrize(("out", "port"), [(True, 2), (False, 1)])
def test_what_the_door_beside_heard_beyond_already_does_not_pass_now(out: bool, port: int) -> None:
    before = (6.0, f"door-2/{port}", -60.0)
    assert beyond(before, AT_THE_DOOR, out=out)
    assert not beyond(before, (7.0, f"door-1/{3 - port}", -62.0), AT_THE_DOOR, out=out)


def test_what_is_heard_beyond_while_it_crosses_passes() -> None:
    assert not beyond(AT_THE_DOOR, (9.0, "door-2/2", -60.0), (12.0, "door-2/2", -60.0))


def test_what_nobody_hears_any_more_may_have_gone() -> None:
    assert not behind(AT_THE_DOOR)


def test_its_own_door_may_hear_a_load_that_has_not_gone_on_yet() -> None:
    assert not behind(AT_THE_DOOR, (12.0, "door-1/1", -50.0))


def test_a_door_of_another_wall_says_nothing() -> None:
    assert not behind(AT_THE_DOOR, (12.0, "door-3/1", -60.0))


def test_doors_that_lead_out_of_or_into_the_same_zone_are_in_one_wall() -> None:
    assert np.argwhere(doors_of_wall(Coverage(DOORS))).tolist() == [[0, 1], [1, 0]]


def test_what_lies_beyond_another_door_of_the_wall_lies_beyond_this_one_too() -> None:
    inside, outside = zones_of_wall(Coverage(DOORS))[0]
    names = np.array([zone.id for zone in DOORS.zones])
    assert set(names[inside]) == {"staging", "staging-2"}
    assert set(names[outside]) == {"yard"}


def comes_in(scene: Scene, door: str, at_s: float) -> None:
    for port, peak_s in ((2, -0.6), (1, 0.6)):
        for step in range(-20, 21):
            off_s = step / 10
            scene.read("A", f"{door}/{port}", at_s=at_s + peak_s + off_s, dbm=-48 - 8 * off_s**2)


@pytest.mark.parametrize("pause_s", [8.0, 40.0])
def test_what_has_just_come_in_beside_is_not_taken_to_come_in_here_too(pause_s: float) -> None:
    scene = Scene(site=DOORS)
    comes_in(scene, "door-2", 20.0)
    comes_in(scene, "door-1", 20.0 + pause_s)
    passages = [m.door for m in scene.run(34 + pause_s).of("A") if m.direction]
    assert passages == (["door-2"] if pause_s < 10 else ["door-2", "door-1"])
