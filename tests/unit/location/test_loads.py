"""Loads: what becomes of a passage whose tags come late, never come, or are taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.location.beams import Beams
from gateway.location.passages import CLOSE_US, Passages
from gateway.location.states import TagStates
from gateway.model.movement import Decision, Direction, Kind, Status
from gateway.model.passage import PassageDecision
from tests.scene import SITE, START_US, S


def crossing(
    tag: int, at_s: float, status: Status = Status.CONFIRMED, way: Direction = Direction.OUT
) -> Decision:
    return Decision(
        tag=tag,
        kind=Kind.MOVED,
        status=status,
        event_time_us=START_US + round(at_s * S),
        from_zone="staging",
        to_zone="yard",
        door="door-1",
        direction=way,
        confidence=0.9 + tag / 1000,
    )


class Loads:
    """Passages, told what was decided when."""

    def __init__(self) -> None:
        self._passages = Passages(SITE, TagStates(), Beams(SITE))
        self.told: list[PassageDecision] = []
        self.live: list[PassageDecision] = []

    def at(self, now_s: float, *decisions: Decision) -> list[Decision]:
        """One epoch."""
        end_us = START_US + round(now_s * S)
        joined = self._passages.join(decisions, end_us)
        told, live = self._passages.decide(end_us)
        self.told += told
        self.live += live
        return joined

    @property
    def busy(self) -> bool:
        return self._passages.busy


def test_a_load_is_complete_when_nothing_has_joined_it_for_a_while() -> None:
    loads = Loads()
    loads.at(3, crossing(1, 1.0), crossing(2, 1.4))
    loads.at(4, crossing(3, 0.2))
    loads.at(1.4 + CLOSE_US / S - 0.1)
    assert (loads.told, loads.busy) == ([], True)
    loads.at(1.4 + CLOSE_US / S)
    (told,) = loads.told
    assert (told.tags, told.status, loads.busy) == ((1, 2, 3), Status.CONFIRMED, False)
    assert told.event_time_us == START_US + S
    assert [p.tags for p in loads.live] == [(1, 2), (1, 2, 3)]


def test_a_tag_that_comes_late_carries_the_id_of_the_passage_that_has_been_told() -> None:
    loads = Loads()
    loads.at(3, crossing(1, 1.0), crossing(2, 2.0))
    loads.at(20)
    (late,) = loads.at(30, crossing(3, 1.5))
    (other,) = loads.at(31, crossing(4, 9.0))
    loads.at(60)
    first, second = loads.told
    assert late.passage == first.id
    assert other.passage == second.id != first.id
    assert (first.tags, second.tags) == ((1, 2), (4,))


def test_what_is_only_announced_is_taken_back_in_the_live_view() -> None:
    loads = Loads()
    (early,) = loads.at(2, crossing(1, 1.0, Status.PROVISIONAL))
    loads.at(30)
    assert loads.told == []
    assert [(p.id, p.status) for p in loads.live] == [
        (early.passage, Status.PROVISIONAL),
        (early.passage, Status.RETRACTED),
    ]
    assert not loads.busy


def test_an_announced_tag_keeps_its_passage_when_it_is_confirmed() -> None:
    loads = Loads()
    (early,) = loads.at(2, crossing(1, 1.0, Status.PROVISIONAL))
    (sure,) = loads.at(4, crossing(1, 1.2))
    assert sure.passage == early.passage


def test_a_passage_is_retracted_when_all_of_its_movements_are() -> None:
    loads = Loads()
    loads.at(3, crossing(1, 1.0), crossing(2, 1.4))
    loads.at(20)
    (first,) = loads.at(21, crossing(1, 1.0, Status.RETRACTED))
    assert [p.status for p in loads.told] == [Status.CONFIRMED]
    loads.at(22, crossing(2, 1.4, Status.RETRACTED))
    confirmed, retracted = loads.told
    assert first.passage == confirmed.id
    assert retracted == replace(confirmed, status=Status.RETRACTED)
    loads.at(40)
    assert len(loads.told) == 2


def test_what_is_taken_back_in_time_was_never_told() -> None:
    loads = Loads()
    loads.at(3, crossing(1, 1.0))
    loads.at(4, crossing(1, 1.0, Status.RETRACTED))
    loads.at(30)
    assert loads.told == []
    assert [p.status for p in loads.live] == [Status.PROVISIONAL, Status.RETRACTED]
    assert not loads.busy


def test_a_retraction_of_what_is_forgotten_has_no_passage() -> None:
    (alone,) = Loads().at(3, crossing(1, 1.0, Status.RETRACTED))
    assert alone.passage is None


@pytest.mark.parametrize("way", [Direction.OUT, Direction.IN])
def test_a_stream_without_end_is_cut_into_loads(way: Direction) -> None:
    loads = Loads()
    for tag in range(60):
        loads.at(tag + 3, crossing(tag, float(tag), way=way))
    loads.at(90)
    assert len(loads.told) == 3
    assert sorted(tag for p in loads.told for tag in p.tags) == list(range(60))


def test_ids_come_from_the_first_sign_alone() -> None:
    one, other = Loads(), Loads()
    (first,) = one.at(3, crossing(1, 1.0))
    again, _ = other.at(3.2, crossing(1, 1.0), crossing(7, 1.1))
    assert first.passage == again.passage
