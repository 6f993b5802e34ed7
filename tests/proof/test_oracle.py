"""The oracle finds what it is there to find: a proof that cannot fail proves nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.proof.oracle import MISSING_AFTER_US, BrokenError, Told, Watched, judge, unique
from tests.proof.world import Habits, S, World

START_US = 1_795_262_400 * S
UPTO_US = START_US + 6 * 3_600 * S
ZONES = ("z0", "z1", "z2")


@pytest.fixture
def world() -> World:
    habits = Habits(stay_s=(300.0, 900.0), absences=0.3)
    return World(seed=1, tags=4, zones=3, start_us=START_US, habits=habits)


@pytest.fixture
def watched() -> Watched:
    """A gateway that has seen everything."""
    watched = Watched()
    for zone in range(3):
        watched.add(zone, START_US, UPTO_US)
    return watched


def perfect(world: World) -> dict[str, list[Told]]:
    """What a gateway would tell that is always right."""
    told: dict[str, list[Told]] = {}
    for tag in range(world.tags):
        story = told.setdefault(world.epc(tag).hex().upper(), [])
        zone: str | None = None
        for episode in world.episodes(tag, UPTO_US):
            kind, now_in, at_us = "missing", None, episode.begin_us + MISSING_AFTER_US
            if episode.zone is not None:
                kind = "arrived" if zone is None else "moved"
                now_in, at_us = ZONES[episode.zone], episode.begin_us
            elif zone is None:
                continue
            story.append(Told(
                seq=len(story) + 1, kind=kind, from_zone=zone, to_zone=now_in,
                decided_us=at_us + 4 * S, event_us=at_us,
            ))  # fmt: skip
            zone = now_in
    return told


def verdict_on(world: World, watched: Watched, told: dict[str, list[Told]]) -> int:
    return judge(world, ZONES, watched, told, UPTO_US).obliged


def test_the_truth_passes_and_every_stay_counts(world: World, watched: Watched) -> None:
    told = perfect(world)
    assert {m.kind for story in told.values() for m in story} == {"arrived", "moved", "missing"}
    assert verdict_on(world, watched, told) > 40


def test_a_last_movement_that_was_not_told_is_lost(world: World, watched: Watched) -> None:
    told = perfect(world)
    story = next(iter(told.values()))
    while story[-1].decided_us > UPTO_US - 3_600 * S:
        story.pop()
    with pytest.raises(BrokenError, match="lost"):
        verdict_on(world, watched, told)


def test_what_nobody_could_see_need_not_be_told(world: World) -> None:
    assert verdict_on(world, Watched(), {}) == 0


def test_nothing_told_is_lost_where_all_was_seen(world: World, watched: Watched) -> None:
    with pytest.raises(BrokenError, match="lost"):
        verdict_on(world, watched, {})


@pytest.mark.parametrize("number", [3, 7, 11])
def test_a_gap_and_an_exchange_are_disorder(world: World, watched: Watched, number: int) -> None:
    told = perfect(world)
    epc = next(iter(told))
    story = told[epc]
    with pytest.raises(BrokenError, match="order"):
        verdict_on(world, watched, told | {epc: story[:number] + story[number + 1 :]})
    swapped = [*story[:number], story[number + 1], story[number], *story[number + 2 :]]
    with pytest.raises(BrokenError, match="order"):
        verdict_on(world, watched, told | {epc: swapped})


def test_a_movement_to_a_place_where_the_tag_was_not_is_a_phantom(
    world: World, watched: Watched
) -> None:
    told = perfect(world)
    epc, story = next(iter(told.items()))
    last = next(n for n in reversed(range(len(story))) if story[n].kind == "moved")
    other = next(z for z in ZONES if z not in (story[last].to_zone, story[last].from_zone))
    wrong = replace(story[last], to_zone=other)
    with pytest.raises(BrokenError, match="phantom"):
        verdict_on(world, watched, told | {epc: [*story[:last], wrong]})


def test_missing_before_its_time_and_strangers_are_phantoms(world: World, watched: Watched) -> None:
    told = perfect(world)
    epc, story = next(iter(told.items()))
    number = next(n for n in range(len(story)) if story[n].kind == "moved")
    last = story[number]
    early = replace(
        last, seq=last.seq + 1, kind="missing", from_zone=last.to_zone, to_zone=None,
        decided_us=last.decided_us + 60 * S,
    )  # fmt: skip
    with pytest.raises(BrokenError, match="was not away"):
        verdict_on(world, watched, told | {epc: [*story[: number + 1], early]})
    with pytest.raises(BrokenError, match="do not exist"):
        verdict_on(world, watched, told | {"30AB": story})


def test_an_event_time_outside_of_the_stay_is_a_phantom(world: World, watched: Watched) -> None:
    told = perfect(world)
    epc, story = next(iter(told.items()))
    early = replace(story[0], event_us=story[0].decided_us - 600 * S)
    with pytest.raises(BrokenError, match="phantom"):
        verdict_on(world, watched, told | {epc: [early, *story[1:]]})


def test_one_id_has_one_body() -> None:
    body = json.dumps({"id": "a", "seq": 1})
    assert unique([body, body], "wms") == ([{"id": "a", "seq": 1}], 1)
    with pytest.raises(BrokenError, match="two bodies"):
        unique([body, json.dumps({"id": "a", "seq": 2})], "wms")
