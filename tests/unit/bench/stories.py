"""Hand-made reads, facts and calls at a dock of two doors; times in seconds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gateway.bench.baselines.places import Baseline
from gateway.bench.calls import NO_DOOR, Call
from gateway.bench.sites import dock
from gateway.model.movement import Direction, Status
from gateway.model.reads import READ, Reads
from gateway.model.tags import TagIndex

S = 1_000_000
START_US = 1_732_203_600 * S
SITE = dock(doors=2)
#: Antenna numbers: inside and outside of door 1, inside and outside of door 2.
IN_1, OUT_1, IN_2, OUT_2 = 0, 2, 4, 6
YARD, STAGING_1, STAGING_2 = (SITE.zone_numbers[z] for z in ("yard", "staging-1", "staging-2"))


def at(seconds: float) -> int:
    """Microseconds of a time in a story."""
    return START_US + round(seconds * S)


def epc(tag: int) -> str:
    """The EPC of a tag."""
    return f"3034257BF7194E40{tag:08X}"


def index(tags: int) -> TagIndex:
    """A tag index in which tag n has number n."""
    known = TagIndex()
    for tag in range(tags):
        known.add(bytes.fromhex(epc(tag)))
    return known


def reads(*rows: tuple[float, int, int] | tuple[float, int, int, float]) -> Reads:
    """(time, tag, antenna) or (time, tag, antenna, dBm), put in order of time."""
    found = []
    for second, tag, antenna, *dbm in rows:
        rssi = round((dbm[0] if dbm else -55.0) * 100)
        time_us = at(second)
        found.append((time_us, time_us, time_us, tag, antenna, 1, 0, rssi, math.nan))
    made = np.array(found, dtype=READ)
    in_order: Reads = made[np.argsort(made["time_us"], kind="stable")]
    return in_order


def every(step_s: float, start_s: float, end_s: float, tag: int, antenna: int) -> list[Any]:
    """Reads of a tag again and again."""
    count = math.floor((end_s - start_s) / step_s + 1e-9)
    return [(start_s + n * step_s, tag, antenna) for n in range(count)]


def feed(baseline: Baseline, rows: Reads, until_s: float, step_s: float = 0.1) -> list[Call]:
    """Give a baseline its reads in short batches, and time until the end."""
    calls: list[Call] = []
    for step in range(1, round(until_s / step_s) + 1):
        start, end = np.searchsorted(rows["time_us"], [at((step - 1) * step_s), at(step * step_s)])
        calls += baseline.feed(rows[start:end], at(step * step_s))
    return calls


def told(calls: list[Call]) -> list[str]:
    """Calls in words: zone, or door and direction, with when it happened and was decided."""
    words = []
    for call in calls:
        what = SITE.zones[call.zone].id
        if call.door != NO_DOOR:
            what = f"{call.direction} {SITE.doors[call.door].id}"
        happened, decided = ((t - START_US) / S for t in (call.event_us, call.decided_us))
        words.append(f"{what} @{happened:g}/{decided:g}")
    return words


def call(
    tag: int, at_s: float, door: int = 0, direction: Direction = Direction.OUT, **more: Any
) -> Call:
    """A tag passed a door; decided 3 s later, unless told otherwise."""
    place = SITE.doors[door]
    zone = SITE.zone_numbers[place.outside if direction is Direction.OUT else place.inside]
    decided_s = more.pop("decided_s", at_s + 3.0)
    values = {"status": Status.CONFIRMED} | more
    return Call(
        tag=tag,
        zone=zone,
        event_us=at(at_s),
        decided_us=at(decided_s),
        door=door,
        direction=direction,
        **values,
    )


def crossed(tag: int, at_s: float, door: str = "door-1", direction: str = "out") -> dict[str, Any]:
    """The fact that a tag crossed a door's line."""
    return {"t": at(at_s), "epc": epc(tag), "door": door, "direction": direction}


def stood(tag: int, at_s: float, zone: str) -> dict[str, Any]:
    """The fact that a tag was put down."""
    return {"t": at(at_s), "epc": epc(tag), "zone": zone}


def carried(tags: list[int], at_s: float, door: str = "door-1", direction: str = "out") -> Any:
    """The fact that a pallet crossed a door's line; it is named after its first tag."""
    epcs = [epc(tag) for tag in tags]
    return {
        "t": at(at_s), "pallet": epcs[0], "door": door, "direction": direction, "epcs": epcs,
    }  # fmt: skip


def standing(tags: list[int], at_s: float, zone: str) -> list[Any]:
    """The facts that a pallet was put down, and its tags with it."""
    epcs = [epc(tag) for tag in tags]
    pallet = {"t": at(at_s), "pallet": epcs[0], "zone": zone, "epcs": epcs}
    return [pallet, *(stood(tag, at_s, zone) for tag in tags)]
