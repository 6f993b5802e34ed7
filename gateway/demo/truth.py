"""Do the movements agree with what really happened? Crossings of doors, one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from gateway.model.movement import Movement

#: A movement belongs to a crossing at the same door within this time of it.
NEAR_US = 5_000_000
#: A crossing is decided within this time; later ones are not asked for.
DECIDED_US = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Crossings of tags in the truth, and the movements through doors that were decided."""

    crossings: int
    found: int
    right_way: int
    false: int
    loads: int
    loads_found: int

    def words(self) -> str:
        """One line for a person."""
        if not self.crossings:
            return "nothing crossed a door long enough ago to be decided"
        return (
            f"{self.found} of {self.crossings} crossings found, {self.right_way} the right way, "
            f"{self.false} movements through a door that did not happen; "
            f"{self.loads_found} of {self.loads} loads"
        )


def read_truth(path: Path) -> list[dict[str, Any]]:
    """The simulation's own notes; a line cut short by its end is left out."""
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    return [orjson.loads(line) for line in lines if line.endswith(b"\n")]


def compare(
    truth: Iterable[dict[str, Any]], movements: Iterable[Movement], to_us: int
) -> Agreement:
    """Match each crossing until `DECIDED_US` before `to_us` with the movement nearest to it."""
    through: dict[tuple[str, str], list[Movement]] = defaultdict(list)
    for movement in movements:
        if movement.door is not None and movement.direction is not None:
            through[movement.epc, movement.door].append(movement)
    last_us = to_us - DECIDED_US
    facts = [fact for fact in truth if "door" in fact]
    used: set[str] = set()
    crossings = right_way = 0
    found_tags: set[tuple[str, int]] = set()
    for fact in facts:
        if "epc" not in fact:
            continue
        near = [
            m
            for m in through[fact["epc"], fact["door"]]
            if abs(m.event_time_us - fact["t"]) <= NEAR_US and m.id not in used
        ]
        best = min(near, key=lambda m: abs(m.event_time_us - fact["t"]), default=None)
        if best is not None:
            used.add(best.id)
        if fact["t"] <= last_us:
            crossings += 1
            if best is not None:
                found_tags.add((fact["epc"], fact["t"]))
                right_way += best.direction == fact["direction"]
    loads = [f for f in facts if "epcs" in f and f["t"] <= last_us]
    found_epcs = {epc for epc, _ in found_tags}
    return Agreement(
        crossings=crossings,
        found=len(found_tags),
        right_way=right_way,
        false=sum(m.id not in used for ms in through.values() for m in ms),
        loads=len(loads),
        loads_found=sum(_mostly(f["epcs"], found_epcs) for f in loads),
    )


def _mostly(epcs: list[str], found: set[str]) -> bool:
    return sum(epc in found for epc in epcs) * 2 > len(epcs)
