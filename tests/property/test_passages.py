"""What holds of passages for every story of loads, beams and tags that stand about."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.movement import Status
from tests.scene import Scene

loads = st.lists(
    st.fixed_dictionaries(
        {
            "at_s": st.floats(12, 45),
            "out": st.booleans(),
            "tags": st.integers(1, 4),
            "speed_m_s": st.sampled_from([0.7, 1.0, 2.0]),
            "beams": st.booleans(),
        }
    ),
    min_size=1,
    max_size=4,
)
breaks = st.lists(
    st.tuples(st.sampled_from(["door-1/inner", "door-1/outer"]), st.booleans(), st.floats(0, 60)),
    max_size=12,
)


def play(story: list[dict[str, Any]], stray: list[tuple[str, bool, float]]) -> Scene:
    scene = Scene()
    for number, load in enumerate(story):
        at_s, out = load["at_s"], load["out"]
        for tag in range(load["tags"]):
            name = f"L{number}{tag}"
            scene.read(name, "dock/1" if out else "dock/2", for_s=5, every_s=0.5, dbm=-68)
            scene.drive(name, at_s=at_s, out=out, speed_m_s=load["speed_m_s"])
        if load["beams"]:
            for sensor, after_s in (
                ("inner", -0.5 if out else 0.5),
                ("outer", 0.5 if out else -0.5),
            ):
                scene.sensor(f"door-1/{sensor}", True, at_s=at_s + after_s)
                scene.sensor(f"door-1/{sensor}", False, at_s=at_s + after_s + 1.0)
    for sensor, value, at_s in stray:
        scene.sensor(sensor, value, at_s=at_s)
    return scene.run(80, tick_s=0.1)


@settings(max_examples=12)
@given(loads, breaks)
def test_every_movement_through_a_door_has_a_passage_that_lists_it(
    story: list[dict[str, Any]], stray: list[tuple[str, bool, float]]
) -> None:
    scene = play(story, stray)
    confirmed = {p.id: p for p in scene.passages if p.status is Status.CONFIRMED}
    moved = [m for m in scene.movements if m.door and m.status is Status.CONFIRMED]
    taken_back = {m.id for m in scene.movements if m.status is Status.RETRACTED}
    for movement in moved:
        if movement.id in taken_back:
            continue
        passage = confirmed[movement.passage or ""]
        late = movement.record_time_us > passage.record_time_us
        assert late or movement.epc in passage.epcs
        assert (movement.door, movement.direction) == (passage.door, passage.direction)
    of_passage = {(m.passage, m.epc) for m in moved}
    assert {(p.id, epc) for p in confirmed.values() for epc in p.epcs} <= of_passage
    assert len(confirmed) == sum(p.status is Status.CONFIRMED for p in scene.passages)
    for passage in confirmed.values():
        assert passage.start_us <= passage.event_time_us <= passage.end_us
        assert passage.end_us <= passage.record_time_us
        assert bool(passage.epcs) is (passage.verdict != "empty")
    announced = {p.id for p in scene.provisional_passages}
    ended = {p.id for p in scene.provisional_passages if p.status is Status.RETRACTED}
    assert announced <= ended | confirmed.keys()
