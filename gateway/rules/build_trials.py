"""The names in a rule's inline tests, checked against the site.

A name that the site does not have is noted and refuses nothing: the test fails when it is run, but
a site whose zones have other names than those in the shipped tests may run its rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from gateway.rules.build_where import World
from gateway.rules.trial_schema import EventEntry, Given, TestEntry
from gateway.settings.node import Node
from gateway.settings.report import Report, quoted, suggestion

#: (what it is, its name, where it is written)
_Named = tuple[str, str, Node]


def check_trials(tests: tuple[TestEntry, ...], node: Node, world: World, report: Report) -> None:
    """Note names that the site does not have; report events that go back in time."""
    for number, test in enumerate(tests):
        at = node.at(number)
        for what, name, where in _names(test, at):
            known = world.ids(what)
            if known is not None and name not in known and not report.full:
                hint = suggestion(name, known)
                report.note(where.place, f"in a test, there is no {what} {quoted(name)}{hint}")
        times = [event.at for event in test.events]
        for n, (before_s, after_s) in enumerate(pairwise(times), 1):
            if after_s < before_s:
                report.problem(at.at("events", n, "at").place, "events stand in order of time")


def _names(test: TestEntry, node: Node) -> Iterator[_Named]:
    yield from _given(test.given, node.at("given"))
    for number, event in enumerate(test.events):
        yield from _event(event, node.at("events", number))


def _given(given: Given, node: Node) -> Iterator[_Named]:
    for tag, item in given.items.items():
        at = node.at("items", tag)
        for key in ("home_zones", "allowed_zones"):
            for n, zone in enumerate(getattr(item, key)):
                yield "zone", zone, at.at(key, n)
    for n, zone in enumerate(given.held):
        yield "zone", zone, node.at("held", n)
    for n, there in enumerate(given.tags):
        if there.zone is not None:
            yield "zone", there.zone, node.at("tags", n, "zone")


def _event(event: EventEntry, node: Node) -> Iterator[_Named]:
    for kind in ("arrived", "moved", "departed", "missing"):
        moved = getattr(event, kind)
        if moved is not None:
            for key, name in (("from", moved.from_), ("to", moved.to)):
                if name is not None:
                    yield "zone", name, node.at(kind, key)
            if moved.door is not None:
                yield "door", moved.door, node.at(kind, "door")
    if event.passage is not None:
        yield "door", event.passage.door, node.at("passage", "door")
    if event.reader is not None:
        yield "reader", event.reader.id, node.at("reader", "id")
    if event.read is not None:
        yield "reader", event.read.reader, node.at("read", "reader")
    for sensor in event.sensor or {}:
        at = node.at("sensor", sensor)
        yield "sensor", sensor, Node(None, at.key or at.place)
