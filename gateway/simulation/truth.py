"""Truth: what really happened, as JSON objects — the yardstick for everything that was decided.

    {"t", "epc", "door", "direction"}              a tag crossed a door's line
    {"t", "epc", "zone"}                           a tag was put down in a zone
    {"t", "pallet", "door", "direction", "epcs"}   a pallet's centre crossed a door's line
    {"t", "pallet", "zone", "epcs"}                a pallet was put down in a zone

`t` is integer microseconds; EPCs are upper-case hex; `pallet` is the pallet's SSCC-96.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gateway.simulation.population import Population
from gateway.simulation.sensors import Run

Fact = dict[str, Any]
TimedFact = tuple[int, Fact]


def crossings(
    run: Run, pallet: int, population: Population, door: str, door_y: float
) -> list[TimedFact]:
    """Every crossing of a door's line by a pallet that is carried on this run, and by its tags."""
    rows = np.flatnonzero(run.loaded)
    if len(rows) == 0:
        return []
    times_us, y = run.times_us[rows], run.y[rows] - door_y
    facts: list[TimedFact] = []
    for time_us, direction in _sign_changes(times_us, y):
        epcs = population.epcs_of(pallet)
        fact: Fact = {"t": time_us, "pallet": epcs[0], "door": door, "direction": direction}
        facts.append((time_us, {**fact, "epcs": epcs}))
    for tag in population.tags_of[pallet].tolist():
        epc = population.epcs[tag].hex().upper()
        for time_us, direction in _sign_changes(times_us, y + population.offset_m[tag, 1]):
            fact = {"t": time_us, "epc": epc, "door": door, "direction": direction}
            facts.append((time_us, fact))
    return facts


def placement(time_us: int, pallet: int, population: Population, zone: str) -> list[TimedFact]:
    """A pallet and all of its tags now stand in a zone."""
    epcs = population.epcs_of(pallet)
    whole: Fact = {"t": time_us, "pallet": epcs[0], "zone": zone, "epcs": epcs}
    return [(time_us, whole), *((time_us, {"t": time_us, "epc": e, "zone": zone}) for e in epcs)]


def _sign_changes(times_us: Any, y: Any) -> list[tuple[int, str]]:
    """When y changes its sign, and whether it becomes positive (in) or negative (out)."""
    inside = y >= 0
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    return [(int(times_us[n]), "in" if inside[n] else "out") for n in changes]
