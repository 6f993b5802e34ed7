"""In words: what a person is told of movements and passages."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gateway.model.in_words import in_words, passage_in_words
from tests.scene import Scene


def told(**changes: Any) -> dict[str, Any]:
    return {
        "epc": "3034257BF7194E4000001A85",
        "kind": "moved",
        "status": "confirmed",
        "from": "staging-1",
        "to": "yard",
        "door": "door-3",
        "direction": "out",
        "event_time": "2026-11-21T12:00:01.612Z",
        "confidence": 0.994,
        "evidence": {},
        **changes,
    }


def row(antenna: str, door: str, side: str, peak_dbm: float, peak_s: float) -> dict[str, Any]:
    return {
        "antenna": antenna,
        "door": door,
        "side": side,
        "reads": 1,
        "rssi_max_dbm": peak_dbm,
        "rssi_mean_dbm": -52.3,
        "strongest": f"2026-11-21T12:00:0{peak_s:.3f}Z",
        "first": "2026-11-21T12:00:00.000Z",
        "last": "2026-11-21T12:00:03.000Z",
    }


def test_a_passage_through_a_door_is_told_with_its_reasons() -> None:
    evidence = {
        "sensors": [
            {"sensor": "door-3/inner", "broken": "2026-11-21T12:00:01.300Z"},
            {"sensor": "door-3/outer", "broken": "2026-11-21T12:00:02.000Z"},
        ],
        "reads": [
            row("dock-3/1", "door-3", "inside", -45.08, 1.2),
            row("dock-3/2", "door-3", "outside", -47.0, 2.4),
            row("dock-2/2", "door-2", "outside", -54.3, 2.0),
        ],
        "runner_up": {"what": "no passage", "probability": 0.0061},
        "reasons": [["28 tags beside it moved likewise", 2.42], ["its power moved", -0.31]],
    }
    often = "-52 on average, 12:00:00.0 to 12:00:03.0"
    assert in_words(told(evidence=evidence)) == [
        (
            "door-3 out (staging-1 to yard) at 12:00:01.6, 99.4 % sure: "
            "28 tags beside it moved likewise (+2.4), its power moved (-0.3)"
        ),
        "strongest inside at 12:00:01.2, then outside at 12:00:02.4",
        "9 dB stronger than at door-2",
        "door-3/inner broken 12:00:01.3, door-3/outer broken 12:00:02.0",
        f"dock-3/1 (door-3 inside), 1 read, -45 dBm at most, {often}",
        f"dock-3/2 (door-3 outside), 1 read, -47 dBm at most, {often}",
        f"dock-2/2 (door-2 outside), 1 read, -54 dBm at most, {often}",
        "the next best guess, no passage: 0.6 %",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "arrived", "from": None, "to": "bin-1"}, "arrived at bin-1 at 12:00:01.6"),
        ({"from": "bin-1", "to": "bin-2"}, "moved from bin-1 to bin-2 at 12:00:01.6"),
        ({"kind": "missing", "from": "bin-1", "to": None}, "missing from bin-1 at 12:00:01.6"),
        ({"kind": "departed", "from": "yard", "to": None}, "departed from yard at 12:00:01.6"),
    ],
)
def test_the_other_kinds_are_told_by_their_zones(changes: dict[str, Any], words: str) -> None:
    (line,) = in_words(told(door=None, direction=None, **changes))
    assert line == f"{words}, 99.4 % sure"


def test_what_is_not_certain_or_taken_back_says_so() -> None:
    assert in_words(told(status="provisional"))[0].startswith("not yet certain: door-3 out")
    assert in_words(told(status="retracted"))[0].startswith("taken back: door-3 out")


def test_nothing_is_told_as_certain() -> None:
    assert "99.9 % sure" in in_words(told(confidence=1.0))[0]


def test_old_evidence_and_none_at_all_are_told_shorter() -> None:
    assert len(in_words(told(evidence=None))) == 1
    times = {"first": "2026-11-21T12:00:01.000Z", "last": "2026-11-21T12:00:02.000Z"}
    old = {"reads": [{"antenna": "dock-3/1", "weight": 3.0, "rssi_dbm": -50.0, **times}]}
    assert in_words(told(evidence=old))[1] == "dock-3/1, 12:00:01.0 to 12:00:02.0"


def test_every_movement_and_passage_of_a_story_has_words() -> None:
    scene = Scene()
    for number in range(4):
        scene.read(f"P{number}", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
        scene.drive(f"P{number}", at_s=26)
    scene.read("unread", "dock/1", for_s=20, every_s=0.4, dbm=-66, noise_db=2)
    scene.sensor("door-1/inner", True, at_s=45)
    scene.sensor("door-1/outer", True, at_s=46)
    scene.run(400)
    heads = {m.kind.value: in_words(orjson.loads(m.to_json()))[0] for m in scene.movements}
    assert heads.keys() == {"arrived", "moved", "missing", "departed"}
    assert "not read for 120 s, antennas working" in heads["missing"]
    load, empty = ("\n".join(passage_in_words(orjson.loads(p.to_json()))) for p in scene.passages)
    assert load.startswith("door-1 out, 4 tags, 15:40:2")
    assert "was probably with them" in load
    assert "door-1/inner broken 15:40:45.0" in empty
    assert "nothing was read" in empty.splitlines()[0]
