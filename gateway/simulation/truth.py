"""Truth: what really happened, as JSON objects — the yardstick for everything that was decided.

    {"t", "epc", "door", "direction"}              a tag crossed a door's line
    {"t", "epc", "zone"}                           a tag was put down in a zone
    {"t", "pallet", "door", "direction", "epcs"}   a pallet's middle crossed a door's line
    {"t", "pallet", "zone", "epcs"}                a pallet was put down in a zone
    {"t", "pallet", "lifted": true}                a pallet was lifted: it moves from now on
    {"t", "pallet", "mouth"}                       a pallet was left standing in the mouth of a door
    {"t", "pallet", "turned"}                      a pallet that approached a door turned back
    {"t", "carton", "zone", "tags"}                a loose carton was put down in a zone
    {"t", "carton", "lifted": true}                a loose carton was lifted
    {"t", "empty", "at", "direction"}              a truck or a worker crossed the line of the door
                                                   `at`, and carried nothing
    {"t", "fault", …}                              something broke, until "until" (faults.py)

`t` is integer microseconds; EPCs are upper-case hex; `pallet` is the pallet's SSCC-96. What is told
of a tag has "carton" besides, with the carton's name, when the tag is in one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.simulation.population import Population

Fact = dict[str, Any]
TimedFact = tuple[int, Fact]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
#: (time, "in" or "out")
Change = tuple[int, str]


def crossings(
    times_us: Ints, y: Floats, load: int, population: Population, door: str
) -> list[TimedFact]:
    """Every crossing of a door's line by a load, `y` metres inside it, and by its tags."""
    facts: list[TimedFact] = []
    for time_us, direction in sign_changes(times_us, y):
        epcs = population.epcs_of(load)
        fact: Fact = {"t": time_us, "pallet": epcs[0], "door": door, "direction": direction}
        facts.append((time_us, {**fact, "epcs": epcs}))
    for tag in population.tags_of[load].tolist():
        for time_us, direction in sign_changes(times_us, y + population.offset_m[tag, 1]):
            fact = {**_tag(time_us, tag, population), "door": door, "direction": direction}
            facts.append((time_us, fact))
    return facts


def placement(time_us: int, load: int, population: Population, zone: str) -> list[TimedFact]:
    """A load and all of its tags now stand in a zone."""
    epcs, name = population.epcs_of(load), population.name(load)
    whole: Fact = {"t": time_us, "pallet": name, "zone": zone, "epcs": epcs}
    if population.is_carton[load]:
        whole = {"t": time_us, "carton": name, "zone": zone, "tags": epcs}
    tags = population.tags_of[load].tolist()
    each = ({**_tag(time_us, tag, population), "zone": zone} for tag in tags)
    return [(time_us, whole), *((time_us, fact) for fact in each)]


def lifting(time_us: int, load: int, population: Population) -> TimedFact:
    """A load stands no longer."""
    kind = "carton" if population.is_carton[load] else "pallet"
    return (time_us, {"t": time_us, kind: population.name(load), "lifted": True})


def told_of(time_us: int, load: int, population: Population, what: str, door: str) -> TimedFact:
    """Something happened to a pallet at a door that is no crossing: "mouth" or "turned"."""
    return (time_us, {"t": time_us, "pallet": population.name(load), what: door})


def empty_crossing(change: Change, who: str, door: str) -> TimedFact:
    """A truck or a worker crossed a door's line with nothing to be read."""
    time_us, direction = change
    return (time_us, {"t": time_us, "empty": who, "at": door, "direction": direction})


def dated(fact: Fact, start_us: int, speed: float = 1.0) -> Fact:
    """A fact whose times are counted from `start_us`, where time goes `speed` times as fast."""
    times: Fact = {key: start_us + int(fact[key] / speed) for key in ("t", "until") if key in fact}
    return {**fact, **times}


def sign_changes(times_us: Ints, y: Floats) -> list[Change]:
    """When y changes its sign, and whether it becomes positive (in) or negative (out)."""
    inside = y >= 0
    changes = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    return [(int(times_us[n]), "in" if inside[n] else "out") for n in changes]


def _tag(time_us: int, tag: int, population: Population) -> Fact:
    carton = population.carton_name(tag)
    fact: Fact = {"t": time_us, "epc": population.hexes[tag]}
    return fact if carton is None else {**fact, "carton": carton}
