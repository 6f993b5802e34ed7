"""The line of a door: what its two beams say of when a load crossed it.

A load that stops in the door is read from both sides meanwhile, so that its power says little of
when it crossed; the beams know. A truck carries a load out in front of it: the middle of the load
is on the line when its front breaks the outer beam. It brings one in behind itself, because it
backs out of the trailer: the outer beam is free again when the middle of the load is on the line.
"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.location.beams import Beams
from gateway.location.coverage import INSIDE, OUTSIDE

#: Nobody who means to go on stands in a door for longer.
STOPS_US = 25_000_000
#: Between the beams a load may be in neither for so long.
BETWEEN_US = 1_000_000
#: By its power a load was on the line no longer than this before it broke a beam, or after that.
NEAR_US = 2_000_000
#: What goes through has broken the second beam no sooner than this before its power tells of it.
PASSING_US = 4_000_000
#: What is remembered of its power reaches back no further than this.
FAR_US = 12_000_000
STILL_US = 1 << 60


def crossed_us(beams: Beams, door: int, *, outward: bool, about_us: int) -> int | None:
    """When a load that went through about then was on the line, if beams tell."""
    found = _crossings_near(beams, door, outward=outward, about_us=about_us)
    return min((line_us for line_us, _ in found), key=lambda at: abs(at - about_us), default=None)


def is_through(beams: Beams, door: int, *, outward: bool, about_us: int) -> bool:
    """Whether what seems to have gone through about then has left the first beam behind it."""
    found = _crossings_near(beams, door, outward=outward, about_us=about_us)
    return any(left and abs(line_us - about_us) <= NEAR_US for line_us, left in found)


def is_before(
    beams: Beams, door: int, *, outward: bool, about_us: int, now_us: int, heard: bool = True
) -> bool:
    """Whether what seems to have gone through about then has yet to cross the line.

    If it is not `heard` before the line any more, something else may stand there by now: then the
    second beam must not have been broken.
    """
    near = INSIDE if outward else OUTSIDE
    entered = beams.breaks(door, near)
    if not entered or entered[-1][1] is not None or not beams.is_well(door, 1 - near):
        return False
    start_us = entered[-1][0]
    if now_us - start_us > STOPS_US or about_us < start_us - NEAR_US:
        return False
    since_us = about_us - PASSING_US
    if not heard and any((end or now_us) > since_us for _, end in beams.breaks(door, 1 - near)):
        return False
    beyond = beams.breaks(door, OUTSIDE)
    return not outward or not beyond or (beyond[-1][0] < start_us and beyond[-1][1] is not None)


def standing(beams: Beams, now_us: int) -> list[int]:
    """Doors where something stands in one of both beams, and not for so long that it stays."""
    return [door for door in beams.paired if _is_in_one(beams, door, now_us)]


def _is_in_one(beams: Beams, door: int, now_us: int) -> bool:
    last = [beams.breaks(door, side)[-1:] for side in (INSIDE, OUTSIDE)]
    since_us = [start_us for some in last for start_us, end_us in some if end_us is None]
    return len(since_us) == 1 and now_us - since_us[0] <= STOPS_US


def _crossings_near(
    beams: Beams, door: int, *, outward: bool, about_us: int
) -> Iterator[tuple[int, bool]]:
    """When something was on the line, and whether the first beam has been left; about then only."""
    near = INSIDE if outward else OUTSIDE
    for first_us, left_us in beams.breaks(door, near):
        until_us = STILL_US if left_us is None else left_us
        for came_us, last_us in beams.breaks(door, 1 - near):
            end_us = STILL_US if last_us is None else last_us
            latest_us = min(until_us, first_us + STOPS_US) + BETWEEN_US
            # Who turns back leaves the beams in the other order.
            if not first_us < came_us <= latest_us or (left_us is not None and end_us < left_us):
                continue
            line_us = came_us if outward else left_us
            if line_us is None or abs(line_us - about_us) > FAR_US:
                continue
            if first_us - NEAR_US <= about_us <= end_us + NEAR_US:
                yield line_us, left_us is not None
