"""Scoring counts what it says, whatever happened and whatever was told of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bench.accuracy_figures import figures
from gateway.bench.accuracy_tally import Tally
from gateway.bench.accuracy_truth import Seen, Truth
from gateway.bench.scoring import score_doors
from gateway.model.movement import Direction, Status
from gateway.model.reads import empty_reads
from tests.unit.bench.stories import SITE, at, call, crossed, index

SPAN = (at(0), at(1_000))
#: For each crossing, one every 20 s: its tag, and what is told of it.
TOLD = st.sampled_from(["right", "the other way", "at the other door", "late", "taken back", "-"])
STORIES = st.lists(st.tuples(st.integers(0, 5), TOLD, st.booleans()), max_size=30)


def tallied(story: list[tuple[int, str, bool]]) -> Tally:
    """Every tag goes out through door 1; some are announced, too."""
    facts, calls = [], []
    for number, (tag, told, announced) in enumerate(story):
        at_s = 20.0 + 20.0 * number
        facts.append(crossed(tag, at_s))
        if announced:
            calls.append(call(tag, at_s, status=Status.PROVISIONAL, decided_s=at_s + 1.0))
        more: dict[str, Any] = {"id": f"{number}"}
        if told == "the other way":
            calls.append(call(tag, at_s + 1.0, direction=Direction.IN, **more))
        elif told == "at the other door":
            calls.append(call(tag, at_s + 1.0, door=1, **more))
        elif told != "-":
            calls.append(call(tag, at_s + (8.0 if told == "late" else 1.0), **more))
        if told == "taken back":
            calls.append(call(tag, at_s + 1.0, status=Status.RETRACTED, **more))
    truth = Truth.of(facts, SITE, index(9), at(1_000))
    return score_doors(truth, calls, Seen(empty_reads(), SITE), SPAN)


@settings(max_examples=60, deadline=None)
@given(STORIES)
def test_each_kind_of_story_is_counted_once(story: list[tuple[int, str, bool]]) -> None:
    tally = tallied(story)
    told = [kind for _, kind, _ in story]
    found = sum(kind in ("right", "the other way") for kind in told)
    standing = sum(kind not in ("-", "taken back") for kind in told)
    assert tally.total("crossings") == len(told)
    assert tally.total("found") == found == tally.total("true_calls")
    assert tally.total("right_way") == told.count("right")
    assert tally.total("calls") == standing
    assert tally.total("retracted") == told.count("taken back")
    assert tally.total("announced") == sum(announced for _, _, announced in story)
    assert len(tally.latencies["confirmed_s"]) == told.count("right")


@settings(max_examples=20, deadline=None)
@given(STORIES)
def test_figures_lie_within_their_intervals(story: list[tuple[int, str, bool]]) -> None:
    for figure in figures([tallied(story), tallied(story[::2])]).values():
        if figure.value is not None and figure.low is not None and figure.high is not None:
            assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
