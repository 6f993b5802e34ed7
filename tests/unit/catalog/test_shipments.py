"""Passages compared with what was expected: the stories of a dock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.catalog.shipments import Shipments, shipment_of
from gateway.model.catalog import Item, KeyKind
from gateway.model.movement import Direction, Status
from gateway.model.passage import Passage

DOORS = ("door-1", "door-2")
TAGS = [f"30340000000000000000{n:04X}" for n in range(10)]


def shipments_of(*given: dict[str, Any]) -> Shipments:
    skus = {TAGS[8]: "4711", TAGS[9]: "4711"}

    def item(epc: str) -> Item | None:
        return Item(kind=KeyKind.EPC, key=epc, sku=skus[epc]) if epc in skus else None

    shipments = Shipments(item)
    for one in given:
        shipments.put(shipment_of(one, DOORS))
    return shipments


def shipment(*tags: str, **changes: Any) -> dict[str, Any]:
    return {"id": "S-1", "door": "door-1", "lines": [{"epc": tag} for tag in tags], **changes}


def load(*tags: str, door: str = "door-1", number: int = 1, **changes: Any) -> Passage:
    passage = Passage(
        id=f"P-{number}", site="s", door=door, direction=Direction.OUT, status=Status.CONFIRMED,
        start_us=0, end_us=1, event_time_us=0, record_time_us=1, epcs=tags, confidence=1.0,
    )  # fmt: skip
    return replace(passage, **changes)


@pytest.mark.parametrize(
    ("tags", "door", "verdict"),
    [
        (TAGS[:3], "door-1", "complete"),
        (TAGS[:2], "door-1", "short"),
        (TAGS[:4], "door-1", "over"),
        (TAGS[:3], "door-2", "wrong-door"),
        (TAGS[5:7], "door-1", "unexpected"),
    ],
)
def test_a_load_is_judged(tags: list[str], door: str, verdict: str) -> None:
    judged, _ = shipments_of(shipment(*TAGS[:3])).judge(load(*tags, door=door))
    assert judged.verdict == verdict


def test_what_goes_by_the_wrong_door_does_not_count() -> None:
    shipments = shipments_of(shipment(*TAGS[:3]))
    astray, _ = shipments.judge(load(*TAGS[:3], door="door-2"))
    assert astray.expected is not None
    assert (astray.expected["passed"], len(astray.expected["missing"])) == (0, 3)
    judged, _ = shipments.judge(load(*TAGS[:3], number=2))
    assert judged.verdict == "complete"


def test_without_any_shipment_there_is_no_verdict() -> None:
    judged, memories = shipments_of().judge(load(*TAGS[:3]))
    assert (judged.verdict, judged.expected, memories) == (None, None, [])


def test_a_shipment_may_go_in_several_loads_and_a_tag_counts_once() -> None:
    shipments = shipments_of(shipment(*TAGS[:4]))
    first, _ = shipments.judge(load(*TAGS[:2]))
    again, _ = shipments.judge(load(*TAGS[:2], number=2))
    last, _ = shipments.judge(load(*TAGS[2:4], number=3))
    assert [p.verdict for p in (first, again, last)] == ["short", "short", "complete"]
    assert first.expected is not None
    assert [m["count"] for m in first.expected["missing"]] == [1, 1]


def test_lines_by_sku_take_any_tag_of_it_but_not_too_many() -> None:
    given = {"id": "S-1", "lines": [{"sku": "4711", "count": 1}]}
    judged, _ = shipments_of(given).judge(load(TAGS[8]))
    assert judged.verdict == "complete"
    judged, _ = shipments_of(given).judge(load(TAGS[8], TAGS[9]))
    assert judged.verdict == "over"
    assert judged.expected is not None
    assert judged.expected["over"] == [TAGS[9]]


def test_a_provisional_load_has_a_verdict_and_uses_nothing_up() -> None:
    shipments = shipments_of(shipment(*TAGS[:2]))
    early, memories = shipments.judge(load(*TAGS[:2], status=Status.PROVISIONAL))
    assert early.verdict == "complete"
    assert memories == []
    assert (shipments.get("S-1") or shipment_of({}, ())).passed == {}


def test_a_load_that_is_taken_back_gives_back_what_it_used_up() -> None:
    shipments = shipments_of(shipment(*TAGS[:2]))
    shipments.judge(load(*TAGS[:2]))
    shipments.judge(load(*TAGS[:2], status=Status.RETRACTED))
    judged, _ = shipments.judge(load(*TAGS[:2], number=2))
    assert judged.verdict == "complete"


def test_a_load_belongs_to_the_shipment_that_wants_most_of_it() -> None:
    shipments = shipments_of(
        shipment(*TAGS[:3]), {"id": "S-2", "lines": [{"epc": TAGS[0]}, {"epc": TAGS[7]}]}
    )
    judged, _ = shipments.judge(load(*TAGS[:3]))
    assert judged.expected is not None
    assert judged.expected["shipment"] == "S-1"


def test_who_expects_a_tag_can_be_asked_door_by_door() -> None:
    shipments = shipments_of(shipment(TAGS[0]))
    assert shipments.expecting(TAGS[0], "door-1", 0) == "S-1"
    assert shipments.expecting(TAGS[0], "door-2", 0) is None
    assert shipments.expecting(TAGS[0], None, 0) == "S-1"
    assert shipments.expecting(TAGS[1], None, 0) is None
    shipments.remove("S-1")
    assert shipments.expecting(TAGS[0], "door-1", 0) is None
    assert not shipments.in_use


def test_a_restart_keeps_what_has_passed() -> None:
    shipments = shipments_of(shipment(*TAGS[:4]))
    _, memories = shipments.judge(load(*TAGS[:2]))
    after = Shipments(lambda _: None)
    assert after.restore(memories) == 0
    judged, _ = after.judge(load(*TAGS[2:4], number=2))
    assert judged.verdict == "complete"
    assert after.restore([replace(memories[0], body=b"{}")]) == 1


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "id must be a text"),
        ({"id": "S"}, "lines must be a list"),
        ({"id": "S", "lines": [{"epc": TAGS[0]}], "door": "door-9"}, "the site has no door"),
        ({"id": "S", "lines": [{"epc": TAGS[0]}], "direction": "up"}, "direction must be"),
        ({"id": "S", "lines": [{}]}, "line 1 must name one of"),
        ({"id": "S", "lines": [{"epc": TAGS[0], "sku": "1"}]}, "line 1 must name one of"),
        ({"id": "S", "lines": [{"gtin": "123"}]}, "line 1: '123' is not"),
        ({"id": "S", "lines": [{"sku": "1", "count": 0}]}, "line 1: count must be"),
        ({"id": "S", "lines": [{"sku": "1", "count": True}]}, "line 1: count must be"),
        ({"id": "S", "lines": "all"}, "lines must be a list"),
    ],
)
def test_what_is_no_shipment_is_refused_in_a_sentence(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        shipment_of(given, DOORS)


def test_a_shipment_that_never_ends_remembers_only_so_many_tags(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.catalog.shipments.MAX_PASSED", 3)
    shipments = shipments_of(
        {"id": "S-1", "lines": [{"sku": "4711", "count": 9}, {"epc": TAGS[0]}]}
    )
    for number, tags in enumerate([TAGS[8:10], TAGS[:1], TAGS[8:10]]):
        shipments.judge(load(*tags, number=number))
    kept = shipments.get("S-1")
    assert kept is not None
    assert len(kept.passed) == 3
    monkeypatch.setattr("gateway.catalog.shipments.MAX_PASSED", 1)
    other = shipments_of(shipment(*TAGS[:3]))
    judged, _ = other.judge(load(*TAGS[:3]))
    assert judged.expected is not None
    assert judged.expected["passed"] == 1
