"""Passages as other simulators draw them: power rises and falls, inside first and then outside."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.model.place import Antenna, Side
from tests.scene import SITE, Scene


def bell(
    scene: Scene,
    tag: str,
    *,
    at_s: float,
    out: bool = True,
    gap_s: float = 1.2,
    every_s: float = 0.1,
    peak_dbm: float = -50.0,
    least_dbm: float = -75.0,
) -> float:
    """Read `tag` on both sides while it passes; when it was read last."""
    last_s = at_s
    for antenna, peak_s in (("dock/1", -gap_s / 2), ("dock/2", gap_s / 2)):
        sign = 1.0 if out else -1.0
        for step in range(-40, 41):
            read_s = step * every_s
            dbm = peak_dbm - 10.0 * (read_s - sign * peak_s) ** 2
            if dbm > least_dbm:
                scene.read(tag, antenna, at_s=at_s + read_s, dbm=dbm)
                last_s = max(last_s, at_s + read_s)
    return last_s


@pytest.mark.parametrize("out", [True, False])
@pytest.mark.parametrize("every_s", [0.05, 0.1, 0.2, 0.4])
@pytest.mark.parametrize("peak_dbm", [-35.0, -50.0, -62.0])
def test_a_lone_tag_never_seen_before_passes(out: bool, every_s: float, peak_dbm: float) -> None:
    scene = Scene()
    bell(scene, "A", at_s=20, out=out, every_s=every_s, peak_dbm=peak_dbm)
    scene.run(26)
    assert scene.story("A")[-1] == f"{'out' if out else 'in'} door-1"


@pytest.mark.parametrize("gap_s", [0.8, 1.2, 2.0])
def test_a_tag_that_was_staged_before_passes(gap_s: float) -> None:
    scene = Scene()
    scene.read("A", "dock/1", for_s=24, every_s=0.4, dbm=-68, noise_db=2)
    bell(scene, "A", at_s=30, gap_s=gap_s)
    scene.run(36)
    assert scene.story("A") == ["arrived staging", "out door-1"]


def test_a_recording_that_begins_with_the_passage_and_ends_soon_after_it_has_it() -> None:
    scene = Scene()
    last_s = bell(scene, "A", at_s=3)
    scene.run(last_s + 2.0)
    assert scene.story("A")[-1] == "out door-1"


def test_a_few_reads_in_the_right_order_will_do() -> None:
    scene = Scene()
    for at_s, antenna, dbm in (
        (9.4, "dock/1", -58), (9.8, "dock/1", -52), (10.2, "dock/2", -60),
        (10.6, "dock/2", -51), (11.1, "dock/2", -59),
    ):  # fmt: skip
        scene.read("A", antenna, at_s=at_s, dbm=dbm)
    scene.run(20)
    assert scene.story("A")[-1] == "out door-1"


@pytest.mark.parametrize("level_dbm", [-45.0, -60.0, -70.0])
def test_a_tag_that_stands_in_the_mouth_never_passes(level_dbm: float) -> None:
    scene = Scene()
    for number in range(6):
        for antenna, below_db in (("dock/1", 0.0), ("dock/2", 4.0)):
            scene.read(
                f"P{number}", antenna, at_s=5 + 0.1 * number, for_s=300,
                every_s=0.37 if below_db else 0.23, dbm=level_dbm - below_db, noise_db=3,
            )  # fmt: skip
    scene.run(310)
    assert not [m for m in scene.movements if m.door]


def test_a_tag_in_the_mouth_that_one_side_cannot_hear_for_a_while_stays() -> None:
    scene = Scene()
    for start_s in (0.0, 40.0):
        scene.read("A", "dock/1", at_s=start_s, for_s=30, every_s=0.9, dbm=-62, noise_db=2)
    scene.read("A", "dock/2", for_s=80, every_s=0.5, dbm=-60, noise_db=2)
    scene.run(80)
    assert not [m for m in scene.movements if m.door]


def test_a_tag_that_is_suddenly_read_only_outside_has_moved() -> None:
    scene = Scene()
    scene.read("A", "dock/1", for_s=30, every_s=0.5, dbm=-60, noise_db=1)
    scene.read("A", "dock/2", at_s=31, for_s=15, every_s=0.5, dbm=-58, noise_db=1)
    scene.run(50)
    assert scene.story("A") == ["arrived staging", "out door-1"]


@pytest.mark.parametrize(("side", "way"), [(Side.INSIDE, "out"), (Side.OUTSIDE, "in")])
def test_a_door_that_is_watched_from_one_side_tells_with_less_confidence(
    side: Side, way: str
) -> None:
    at_door = Antenna(reader="dock", port=1, door="door-1", side=side)
    scene = Scene(site=replace(SITE, antennas=(at_door, *SITE.antennas[2:])))
    names = [f"P{n}" for n in range(6)]
    for number, name in enumerate(names):
        scene.read(name, "dock/1", for_s=28, every_s=0.4, dbm=-66, noise_db=2)
        for step in range(-20, 21):
            dbm = -45.0 - 6.0 * (step / 10) ** 2
            if dbm > -70.0:
                scene.read(name, "dock/1", at_s=30 + step / 10 + number / 50, dbm=dbm)
    scene.run(70)
    passed = [m for name in names for m in scene.of(name) if m.door]
    assert len(passed) >= 4
    assert {str(m.direction) for m in passed} == {way}
    assert max(m.confidence for m in passed) <= 0.8


def test_it_is_no_surer_of_what_it_reads_only_outside() -> None:
    outside = Antenna(reader="dock", port=1, door="door-1", side=Side.OUTSIDE)
    inside = Antenna(reader="dock", port=2, zones=("staging",))
    scene = Scene(site=replace(SITE, antennas=(outside, inside)))
    scene.read("A", "dock/2", for_s=28, every_s=0.4, dbm=-60)
    scene.read("A", "dock/1", at_s=29, for_s=8, every_s=0.1, dbm=-55)
    scene.run(60)
    (passed,) = (m for m in scene.of("A") if m.door)
    assert (passed.to_zone, str(passed.direction)) == ("yard", "out")
    assert passed.confidence <= 0.8


def test_a_passage_that_turns_out_wrong_is_taken_back() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(8)]
    for name in names:
        scene.read(name, "dock/1", for_s=24, every_s=0.4, dbm=-62, noise_db=2)
        bell(scene, name, at_s=30)
        scene.read(name, "dock/1", at_s=35.5, for_s=30, every_s=0.3, dbm=-60, noise_db=2)
    scene.run(70)
    told = scene.of("P1")
    assert [m.status for m in told] == ["confirmed", "confirmed", "retracted"]
    assert told[2].id == told[1].id
    assert (told[2].from_zone, told[2].to_zone) == ("staging", "yard")
    assert scene.core is not None
    zones = {epc: zone for epc, zone, *_ in scene.core.places()}
    assert zones[told[2].epc] == "staging"


def test_a_load_that_goes_out_and_comes_back_passes_twice() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(8)]
    for name in names:
        scene.read(name, "dock/1", for_s=24, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(name, at_s=30)
        scene.drive(name, at_s=44, out=False)
        scene.read(name, "dock/1", at_s=48.5, for_s=20, every_s=0.4, dbm=-66, noise_db=2)
    scene.run(75)
    stories = [scene.story(name)[-2:] for name in names]
    assert stories.count(["out door-1", "in door-1"]) >= 7
    assert not [m for m in scene.movements if m.status == "retracted"]


def test_a_load_that_came_back_unseen_goes_out_again() -> None:
    scene = Scene()
    names = [f"P{n}" for n in range(8)]
    for name in names:
        scene.read(name, "dock/1", for_s=24, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(name, at_s=30)
        scene.drive(name, at_s=75)
    scene.run(90)
    stories = [scene.story(name)[-2:] for name in names]
    assert stories.count(["out door-1", "out door-1"]) >= 7


@pytest.mark.parametrize("stuck", [True, False])
def test_beams_that_are_stuck_do_not_hinder_a_passage(stuck: bool) -> None:
    scene = Scene()
    for beam in ("door-1/inner", "door-1/outer"):
        scene.sensor(beam, stuck, at_s=1.0)
    for number in range(6):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(f"P{number}", at_s=26)
    scene.run(40)
    assert sum(scene.story(f"P{n}")[-1] == "out door-1" for n in range(6)) >= 5
