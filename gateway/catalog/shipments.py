"""Shipments compared with what went through the doors: complete, short, over, wrong door.

A shipment may go in several loads: what has passed is kept per tag, and each passage is judged by
what the shipment looks like after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from typing import Any

import orjson

from gateway.catalog.keys import canonical_key, keys_of
from gateway.model.catalog import Item, Shipment, ShipmentLine, Verdict, Way
from gateway.model.movement import Direction, Status
from gateway.model.outcome import Memory
from gateway.model.passage import Passage

#: What a line wants: ("key", canonical key) or ("sku", SKU).
_Wanted = tuple[str, str]

#: Bounds on what other people send.
MAX_SHIPMENTS = 10_000
MAX_LINES = 10_000
MAX_TEXT = 200
#: Tags that are remembered to have passed for one shipment; more are not counted.
MAX_PASSED = 100_000
#: Names of what is missing or too much that a passage carries.
SHOWN = 100


class Shipments:
    """All shipments of one gateway, open and just closed."""

    def __init__(self, item: Callable[[str], Item | None]) -> None:
        self._item = item
        self._shipments: dict[str, Shipment] = {}
        self._lines: dict[str, dict[_Wanted, ShipmentLine]] = {}
        self._wanting: dict[_Wanted, dict[str, None]] = {}  # ids of the shipments that want it

    def __len__(self) -> int:
        return len(self._shipments)

    @property
    def in_use(self) -> bool:
        """Whether anybody tells the gateway what is expected."""
        return bool(self._shipments)

    def get(self, id_: str) -> Shipment | None:
        """The shipment of that id."""
        return self._shipments.get(id_)

    def all(self) -> list[Shipment]:
        """Every shipment, in order of id."""
        return [self._shipments[id_] for id_ in sorted(self._shipments)]

    def put(self, shipment: Shipment) -> Memory:
        """Expect a shipment; what has passed of one with the same id stays passed."""
        before = self._shipments.get(shipment.id)
        if before is not None:
            shipment = replace(shipment, passed=before.passed)
        elif len(self._shipments) >= MAX_SHIPMENTS:
            raise ValueError(f"there are {MAX_SHIPMENTS} shipments: remove old ones first")
        self._enter(shipment)
        return self.memory(shipment.id)

    def remove(self, id_: str) -> Memory:
        """Expect it no longer."""
        self._drop_lines(id_)
        self._shipments.pop(id_, None)
        return self.memory(id_)

    def memory(self, id_: str) -> Memory:
        """A shipment as it is stored."""
        shipment = self._shipments.get(id_)
        body = None if shipment is None else orjson.dumps(asdict(shipment))
        return Memory(kind="shipment", key=id_, body=body)

    def restore(self, memories: Iterable[Memory]) -> int:
        """Go on after a restart; returns how many made no sense."""
        odd = 0
        for memory in memories:
            try:
                self._enter(_stored(orjson.loads(memory.body or b"")))
            except (ValueError, KeyError, TypeError):
                odd += 1
        return odd

    def expecting(self, epc: str, door: str | None, at_us: int) -> str | None:
        """The id of the open shipment that wants this tag (there), None if none does."""
        for shipment in self._wanted_by(epc):
            at_door = door is None or shipment.door in (None, door)
            if at_door and _is_open(shipment, shipment.way, at_us):
                return shipment.id
        return None

    def judge(self, passage: Passage) -> tuple[Passage, list[Memory]]:
        """The passage with what was expected and the verdict; and what has to be remembered.

        A provisional passage uses nothing up. A retracted one gives back what it had used up.
        """
        if not self._shipments or passage.direction is None or not passage.epcs:
            return passage, []
        if passage.status is Status.RETRACTED:
            return passage, self._give_back(passage.id)
        way = Way.OUT if passage.direction is Direction.OUT else Way.IN
        shipment = self._meant(passage, way)
        if shipment is None:
            return replace(passage, verdict=Verdict.UNEXPECTED.value), []
        elsewhere = shipment.door not in (None, passage.door)
        after, expected = self._after(shipment, () if elsewhere else passage.epcs, passage.id)
        verdict = Verdict.WRONG_DOOR if elsewhere else _verdict(expected)
        judged = replace(passage, expected=expected, verdict=verdict.value)
        if passage.status is Status.PROVISIONAL or elsewhere:
            return judged, []
        self._shipments[shipment.id] = after
        return judged, [self.memory(shipment.id)]

    def _meant(self, passage: Passage, way: Way) -> Shipment | None:
        """The open shipment that wants most of the load; at this door rather than another."""
        wanted: dict[str, int] = {}
        for epc in passage.epcs:
            for shipment in self._wanted_by(epc):
                if _is_open(shipment, way, passage.event_time_us):
                    wanted[shipment.id] = wanted.get(shipment.id, 0) + 1
        if not wanted:
            return None

        def rank(id_: str) -> tuple[int, bool, str]:
            return wanted[id_], self._shipments[id_].door in (None, passage.door), id_

        return self._shipments[max(wanted, key=rank)]

    def _names(self, epc: str) -> list[_Wanted]:
        """What a tag answers to, the most exact first."""
        names = [("key", key) for key in keys_of(bytes.fromhex(epc))]
        item = self._item(epc)
        return names if item is None or item.sku is None else [*names, ("sku", item.sku)]

    def _wanted_by(self, epc: str) -> list[Shipment]:
        ids = dict.fromkeys(id_ for name in self._names(epc) for id_ in self._wanting.get(name, ()))
        return [self._shipments[id_] for id_ in ids]

    def _line_of(self, shipment: Shipment, epc: str) -> ShipmentLine | None:
        """The most exact line that a tag belongs to."""
        lines = self._lines[shipment.id]
        return next((lines[name] for name in self._names(epc) if name in lines), None)

    def _enter(self, shipment: Shipment) -> None:
        self._drop_lines(shipment.id)
        self._shipments[shipment.id] = shipment
        self._lines[shipment.id] = lines = {(line.kind, line.key): line for line in shipment.lines}
        for name in lines:
            self._wanting.setdefault(name, {})[shipment.id] = None

    def _drop_lines(self, id_: str) -> None:
        for name in self._lines.pop(id_, ()):
            self._wanting[name].pop(id_, None)
            if not self._wanting[name]:
                del self._wanting[name]

    def _after(
        self, shipment: Shipment, epcs: Iterable[str], passage: str
    ) -> tuple[Shipment, dict[str, Any]]:
        """The shipment when these tags count, in a passage, and how it then stands."""
        passed = dict(shipment.passed)
        over = []
        for epc in epcs:
            if self._line_of(shipment, epc) is None:
                over.append(epc)
            elif len(passed) < MAX_PASSED:
                passed.setdefault(epc, passage)
        counts = {(line.kind, line.key): 0 for line in shipment.lines}
        for epc in passed:
            if (line := self._line_of(shipment, epc)) is not None:
                counts[line.kind, line.key] += 1
                if counts[line.kind, line.key] > line.count:
                    over.append(epc)
        missing = [
            {"key": line.key, "count": line.count - counts[line.kind, line.key]}
            for line in shipment.lines
            if counts[line.kind, line.key] < line.count
        ]
        expected = {
            "shipment": shipment.id,
            "door": shipment.door,
            "tags": sum(line.count for line in shipment.lines),
            "passed": len(passed),
            "missing": missing[:SHOWN],
            "over": over[:SHOWN],
        }
        return replace(shipment, passed=passed), expected

    def _give_back(self, passage: str) -> list[Memory]:
        memories = []
        for shipment in list(self._shipments.values()):
            kept = {epc: by for epc, by in shipment.passed.items() if by != passage}
            if len(kept) < len(shipment.passed):
                self._shipments[shipment.id] = replace(shipment, passed=kept)
                memories.append(self.memory(shipment.id))
        return memories


def shipment_of(given: dict[str, Any], doors: Iterable[str]) -> Shipment:
    """A shipment as somebody sends it; ValueError with a sentence when it is not one.

    {"id": "S-17", "direction": "out", "door": "door-1",
     "lines": [{"gtin": "80614141123458", "count": 12}, {"epc": "30…"}, {"sku": "4711"}]}
    """
    id_, door = given.get("id"), given.get("door")
    if not isinstance(id_, str) or not 0 < len(id_) <= MAX_TEXT:
        raise ValueError(f"id must be a text of at most {MAX_TEXT} characters")
    if door is not None and door not in set(doors):
        raise ValueError(f"door: the site has no door '{str(door)[:80]}'")
    try:
        way = Way(given.get("direction", "out"))
    except ValueError:
        raise ValueError("direction must be 'out' or 'in'") from None
    lines = given.get("lines")
    if not isinstance(lines, list) or not 0 < len(lines) <= MAX_LINES:
        raise ValueError(f'lines must be a list of 1 to {MAX_LINES} such as {{"epc": "30…"}}')
    merged: dict[tuple[str, str], int] = {}
    for number, line in enumerate(lines, 1):
        kind, key, count = _line(line, number)
        merged[kind, key] = merged.get((kind, key), 0) + count
    return Shipment(
        id=id_,
        way=way,
        door=door,
        lines=tuple(ShipmentLine(kind=k, key=key, count=n) for (k, key), n in merged.items()),
        open=given.get("open", True) is not False,
    )


def _line(line: Any, number: int) -> tuple[str, str, int]:
    names = ("epc", "gtin", "sscc", "class", "key", "sku")
    given = [name for name in names if isinstance(line, dict) and line.get(name)]
    if len(given) != 1 or not isinstance(line[given[0]], str):
        raise ValueError(f"line {number} must name one of {', '.join(names)}")
    count = line.get("count", 1)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= 1_000_000:
        raise ValueError(f"line {number}: count must be a whole number from 1")
    text = line[given[0]]
    if given[0] == "sku":
        if len(text) > MAX_TEXT:
            raise ValueError(f"line {number}: sku has at most {MAX_TEXT} characters")
        return "sku", text, count
    try:
        return "key", canonical_key(text)[1], count
    except ValueError as error:
        raise ValueError(f"line {number}: {error}") from None


def _is_open(shipment: Shipment, way: Way, at_us: int) -> bool:
    return (
        shipment.open
        and shipment.way is way
        and (shipment.opens_us is None or at_us >= shipment.opens_us)
        and (shipment.closes_us is None or at_us <= shipment.closes_us)
    )


def _verdict(expected: dict[str, Any]) -> Verdict:
    if expected["over"]:
        return Verdict.OVER
    return Verdict.SHORT if expected["missing"] else Verdict.COMPLETE


def _stored(stored: dict[str, Any]) -> Shipment:
    lines = tuple(ShipmentLine(**line) for line in stored["lines"])
    return Shipment(**stored | {"way": Way(stored["way"]), "lines": lines})
