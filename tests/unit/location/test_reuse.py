"""Numbers of forgotten tags are given anew, but not before nobody can mean the old tag by them."""

from __future__ import annotations

import numpy as np

from gateway.location.reuse import EVERY_US, Reuse
from gateway.location.states import TagStates
from gateway.model.tags import TagIndex, TagNumbers


class Story:
    """Three tags that nothing is known of; what waits and what is read can be set."""

    def __init__(self) -> None:
        self.tags, self.states = TagIndex(), TagStates()
        self.numbers = self.tags.numbers([b"A", b"B", b"C"])
        self.waiting: TagNumbers = self.numbers[:0]
        self.reuse = Reuse(self.tags, self.states, lambda: self.waiting)
        self.looks = 0

    def look(self) -> list[bytes]:
        """Look again, a minute later; which tags have a number then."""
        self.looks += 1
        self.reuse.look(self.looks * EVERY_US)
        return [epc for epc in (b"A", b"B", b"C") if self.tags.find(epc) is not None]


def test_a_number_is_free_when_nothing_was_known_under_it_in_two_looks() -> None:
    story = Story()
    story.states.last_us[1] = 5
    assert story.look() == [b"A", b"B", b"C"]
    assert story.look() == [b"B"], "nobody has ever read the others: they were shed"
    story.states.last_us[1] = 0
    assert story.look() == [b"B"]
    story.states.last_us[1] = 9
    assert story.look() == [b"B"], "it was read between two looks"


def test_reads_on_their_way_keep_a_number() -> None:
    story = Story()
    story.waiting = story.numbers[:1]
    assert [story.look() for _ in range(3)][-1] == [b"A"]
    story.waiting = story.numbers[:0]
    assert [story.look() for _ in range(2)][-1] == []


def test_a_number_waits_for_the_live_view_as_often_as_it_was_forgotten() -> None:
    story = Story()
    both = np.array([0, 1])
    story.reuse.forgotten(both)
    story.reuse.forgotten(both[:1])
    story.reuse.let_go(story.numbers[:2])
    assert [story.look() for _ in range(3)][-1] == [b"A"]
    story.reuse.let_go(story.numbers[:1])
    assert [story.look() for _ in range(2)][-1] == []


def test_it_is_looked_once_a_minute() -> None:
    story = Story()
    story.look()
    for step in range(10):
        story.reuse.look(EVERY_US + step)
    assert story.tags.known == 3
