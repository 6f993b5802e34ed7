"""Passages as a supervisor sees them, against the pallets that crossed."""

from __future__ import annotations

from typing import Any

from gateway.bench.accuracy_loads import score_loads
from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import Seen, Truth
from gateway.model.movement import Direction
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage
from tests.outcomes import passage
from tests.unit.bench.stories import IN_1, SITE, at, carried, epc, index, reads

TAGS = [1, 2, 3, 4]
SPAN = (at(0), at(1_000))


def load(*tags: int, at_s: float = 100.0, **changes: Any) -> Passage:
    """A passage out through door 1."""
    values: dict[str, Any] = {
        "door": "door-1", "direction": Direction.OUT, "epcs": tuple(epc(tag) for tag in tags),
        "start_us": at(at_s - 1), "end_us": at(at_s + 1), "event_time_us": at(at_s),
    }  # fmt: skip
    return passage(**(values | changes))


def tallied(
    facts: list[dict[str, Any]], passages: tuple[Passage, ...], readable: tuple[int, ...]
) -> Tally:
    rows = reads(*[(99 + n / 10, tag, IN_1) for tag in readable for n in range(3)])
    truth, seen = Truth.of(facts, SITE, index(9), at(1_000)), Seen(rows, SITE)
    tally = Tally(len(truth.members))
    outcomes = [Outcome(number=n, now_us=at(110), passages=[p]) for n, p in enumerate(passages)]
    score_loads(truth, outcomes, seen, SPAN, tally, SITE, index(9))
    return tally


def score(*passages: Passage, readable: tuple[int, ...] = (1, 2, 3, 4)) -> list[float]:
    """[asked for, found, split, passages, right] when a pallet of four tags went out at 100 s."""
    tally = tallied([carried(TAGS, 100)], passages, readable)
    names = ("passable", "passages_found", "pallets_split", "passages", "passages_right")
    return [tally.total(name) for name in names]


def test_a_passage_with_half_of_the_readable_tags_is_that_of_the_pallet() -> None:
    assert score(load(1, 2)) == [1, 1, 0, 1, 1]
    assert score(load(1)) == [1, 0, 0, 1, 1]
    assert score(load(1), readable=(1, 2)) == [1, 1, 0, 1, 1]


def test_a_pallet_in_two_passages_is_split() -> None:
    assert score(load(1, 2, 3), load(4, at_s=103)) == [1, 1, 1, 2, 2]


def test_a_passage_at_another_time_door_or_direction_is_false() -> None:
    assert score(load(*TAGS, at_s=110)) == [1, 0, 0, 1, 0]
    assert score(load(*TAGS, door="door-2")) == [1, 0, 0, 1, 0]
    assert score(load(*TAGS, direction=Direction.IN)) == [1, 0, 0, 1, 0]


def test_a_long_passage_fits_what_crossed_while_it_lasted() -> None:
    slow = load(*TAGS, start_us=at(80), end_us=at(101), event_time_us=at(80))
    assert score(slow) == [1, 1, 0, 1, 1]


def test_passages_without_tags_say_nothing_of_pallets() -> None:
    assert score(load()) == [1, 0, 0, 0, 0]


def test_a_pallet_that_nobody_could_read_is_not_asked_for() -> None:
    assert score(readable=()) == [0, 0, 0, 0, 0]


def test_an_empty_crossing_is_found_by_a_passage_without_tags() -> None:
    facts = [
        {"t": at(100), "empty": "truck", "at": "door-1", "direction": "in"},
        {"t": at(300), "empty": "worker", "at": "door-1", "direction": "out"},
        {"t": at(300), "empty": "worker", "at": "door-2", "direction": "out"},
    ]
    tally = tallied(facts, (load(at_s=102, direction=None), load(1, at_s=300)), ())
    assert [tally.total(name) for name in ("empties", "empties_found")] == [3, 1]
