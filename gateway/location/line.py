"""The line of a door: what its two beams say of when a load crossed it.

A load that stops in the door is read from both sides meanwhile, so that its power says little of
when it crossed; the beams know. A truck carries a load out in front of it: the middle of the load
is on the line when its front breaks the outer beam. It brings one in behind itself, because it
backs out of the trailer: the outer beam is free again when the middle of the load is on the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A load that went over the line, by the beams."""

    since_us: int  # the change of a beam before …
    line_us: int  # … its middle was on the line …
    until_us: int | None  # … and the one after that; None: not yet
    left: bool  # it has left the first beam


def crossing_near(beams: Beams, door: int, *, outward: bool, about_us: int) -> Crossing | None:
    """How a load that went through about then crossed the line, if beams tell."""
    found = _crossings_near(beams, door, outward=outward, about_us=about_us)
    return min(found, key=lambda crossing: abs(crossing.line_us - about_us), default=None)


def is_through(beams: Beams, door: int, *, outward: bool, about_us: int) -> bool:
    """Whether what seems to have gone through about then has left the first beam behind it."""
    found = _crossings_near(beams, door, outward=outward, about_us=about_us)
    return any(crossing.left and abs(crossing.line_us - about_us) <= NEAR_US for crossing in found)


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
    return [door for door in in_beams(beams, now_us) if len(_in_beams_since(beams, door)) == 1]


def in_beams(beams: Beams, now_us: int) -> list[int]:
    """Doors where something stands in either beam or both, and not for so long that it stays."""
    since_us = {door: min(_in_beams_since(beams, door), default=-STILL_US) for door in beams.paired}
    return [door for door, at_us in since_us.items() if now_us - at_us <= STOPS_US]


def _in_beams_since(beams: Beams, door: int) -> list[int]:
    last = [beams.breaks(door, side)[-1:] for side in (INSIDE, OUTSIDE)]
    return [start_us for some in last for start_us, end_us in some if end_us is None]


def _crossings_near(beams: Beams, door: int, *, outward: bool, about_us: int) -> Iterator[Crossing]:
    """All that crossed about then."""
    near = INSIDE if outward else OUTSIDE
    begun = [at for at in beams.breaks(door, near) if at[0] - NEAR_US <= about_us]
    others = beams.breaks(door, 1 - near)
    others = [at for at in others if at[1] is None or about_us <= at[1] + NEAR_US]
    for first_us, left_us in begun:
        until_us = STILL_US if left_us is None else left_us
        for came_us, last_us in others:
            end_us = STILL_US if last_us is None else last_us
            latest_us = min(until_us, first_us + STOPS_US) + BETWEEN_US
            # Who turns back leaves the beams in the other order.
            if not first_us < came_us <= latest_us or (left_us is not None and end_us < left_us):
                continue
            line_us = came_us if outward else left_us
            if line_us is None:
                continue
            before_us = came_us if first_us < came_us < line_us else first_us
            after_us = min((at for at in (until_us, end_us) if at > line_us), default=STILL_US)
            if not _may_be(before_us, line_us, after_us, about_us):
                continue
            yield Crossing(
                since_us=before_us,
                line_us=line_us,
                until_us=None if after_us == STILL_US else after_us,
                left=left_us is not None,
            )


def _may_be(since_us: int, line_us: int, until_us: int, about_us: int) -> bool:
    """Whether a power of about then may be of a load that was on the line, or stopped by it."""
    stopped = max(since_us, line_us - STOPS_US) <= about_us <= min(until_us, line_us + STOPS_US)
    return stopped or abs(line_us - about_us) <= FAR_US
