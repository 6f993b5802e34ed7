"""Beams: what photo-eyes and contacts of the doors said of late, and which can be believed.

Only changes count: a beam that says again that it is broken tells nothing new. One that has been
broken for minutes, or that flickers, is a finding for whoever cleans it, and no evidence until it
is well again. That a beam says nothing never speaks against a passage: beams miss things.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gateway.location.coverage import INSIDE, OUTSIDE
from gateway.model.device import SensorHealth, SensorReading
from gateway.model.movement import iso_utc
from gateway.model.place import Site

CONTACT = 2
#: A beam tells something about a passage that is this near.
BEAM_US = 4_000_000
#: What crossed in the beams did so this near to it, whatever the estimate of its crossing.
NEAR_US = 500_000
#: A gap that is shorter than this is one in a load or a truck.
BEHIND_US = 800_000
#: Changes remembered per sensor.
MOST_CHANGES = 64
#: So many changes within this time are flicker; it is over after twice as long without.
FLICKER_CHANGES = 40
FLICKER_US = 10_000_000
#: What stands in a beam for longer than this is no load.
STUCK_US = 300_000_000
#: A beam that stays as it is while so many loads go through its door does not work.
MOST_MISSED = 5
NEVER_US = -(1 << 60)
#: Further apart than any two moments.
DOORS_APART_US = 1 << 52
STILL_US = 1 << 60

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
#: When a beam was broken, and when it was clear again.
Break = tuple[int, int | None]
#: What a sensor's value means, by its place.
WORDS = {INSIDE: ("clear", "broken"), OUTSIDE: ("clear", "broken"), CONTACT: ("closed", "open")}


@dataclass(slots=True)
class _Switch:
    """One sensor: its last changes in order of time, values taking turns."""

    sensor: str
    door: int
    place: int  # INSIDE, OUTSIDE or CONTACT
    times_us: list[int] = field(default_factory=list)
    first: bool = False  # value of the first change remembered
    listening_us: int = NEVER_US  # what was until then is known, but not when it began
    flickered_us: int = NEVER_US
    missed: int = 0
    problem: str | None = None

    def take(self, reading: SensorReading) -> None:
        """Enter a reading at its place in time, if it is a change."""
        if reading.initial:
            self.listening_us = reading.time_us
        times_us, value = self.times_us, reading.value is True
        at = bisect_right(times_us, reading.time_us)
        if at and self.value_after(at - 1) is value:
            return
        if at < len(times_us):
            if self.value_after(at) is value:  # the change is known, but it was earlier
                times_us[at] = reading.time_us
            return
        if not times_us:
            self.first = value
        times_us.append(reading.time_us)
        self.missed = 0
        if len(times_us) > MOST_CHANGES:
            del times_us[0]
            self.first = not self.first
        recent_us = times_us[-FLICKER_CHANGES:]
        if len(recent_us) == FLICKER_CHANGES and recent_us[-1] - recent_us[0] <= FLICKER_US:
            self.flickered_us = recent_us[-1]

    def value_after(self, change: int) -> bool:
        """The value since a change."""
        return self.first is (change % 2 == 0)

    def value_at(self, time_us: int) -> bool | None:
        """The value at a time, None when nothing was known."""
        change = bisect_right(self.times_us, time_us) - 1
        return None if change < 0 else self.value_after(change)

    def breaks(self) -> list[Break]:
        """When it was broken (or opened) and cleared again, as far as it can be believed."""
        if self.problem is not None:
            return []
        first = bisect_right(self.times_us, self.listening_us)
        first += self.value_after(first) is False
        ends_us = [*self.times_us[first + 1 :: 2], None]
        return list(zip(self.times_us[first::2], ends_us, strict=False))

    def broken_us(self) -> list[int]:
        """When it was broken."""
        return [start_us for start_us, _ in self.breaks()]

    def trouble(self, end_us: int) -> str | None:
        """What is wrong with it, in a sentence."""
        if end_us - self.flickered_us <= 2 * FLICKER_US:
            return f"It flickers: {FLICKER_CHANGES // 2} times in {FLICKER_US / 1e6:g} s."
        if self.missed >= MOST_MISSED:
            verb = (
                "says that the door was closed for" if self.place == CONTACT else "did not notice"
            )
            return f"It {verb} the last {MOST_MISSED} loads through its door."
        times_us = self.times_us
        if self.place == CONTACT or not times_us or not self.value_after(len(times_us) - 1):
            return None
        if end_us - times_us[-1] < STUCK_US:
            return None
        return f"It has been broken since {iso_utc(times_us[-1])}: blocked, dirty or out of line."


class Beams:
    """The sensors of all doors."""

    def __init__(self, site: Site) -> None:
        self._switches: dict[str, _Switch] = {}
        self._at: dict[tuple[int, int], _Switch] = {}
        for number, door in enumerate(site.doors):
            named = ((INSIDE, door.inner_beam), (OUTSIDE, door.outer_beam), (CONTACT, door.contact))
            for place, sensor in named:
                if sensor:
                    switch = _Switch(sensor, number, place)
                    self._switches[sensor] = self._at[number, place] = switch
        self.paired = sorted(d for d, p in self._at if p == INSIDE and (d, OUTSIDE) in self._at)
        #: By door: whether it has two beams that work, and have been broken before.
        self.telling = np.zeros(len(site.doors), dtype=bool)
        self._stirred: set[int] = set()
        self._spans: dict[int, list[tuple[int, int]]] = {}  # see `_occupied`
        self._breaks: dict[tuple[int, int], Sequence[Break]] = {}  # see `breaks`
        self._lines: dict[int, Times] = {}  # see `_line`

    def observe(self, sensors: Iterable[SensorReading]) -> None:
        """Enter the readings of one epoch; those of other sensors are of no concern here."""
        for reading in sensors:
            switch = self._switches.get(reading.sensor)
            if switch is None or not isinstance(reading.value, bool):
                continue
            switch.take(reading)
            self._stirred.add(switch.door)
            self._forget(switch)

    def take_stirred(self) -> set[int]:
        """Doors with two beams whose sensors said something since this was last asked."""
        stirred, self._stirred = self._stirred.intersection(self.paired), set()
        return stirred

    def noticed(self, door: int, start_us: int, end_us: int) -> None:
        """A load went through a door in this time: its beams should have changed."""
        for place in WORDS:
            switch = self._at.get((door, place))
            if switch is None:
                continue
            first = bisect_left(switch.times_us, start_us - BEAM_US)
            noticed = first < bisect_right(switch.times_us, end_us + BEAM_US)
            if place == CONTACT:
                noticed = switch.value_at(end_us) is not False
            switch.missed = 0 if noticed else switch.missed + 1

    def health(self, end_us: int) -> list[SensorHealth]:
        """Sensors that have fallen ill or become well; call about once a second."""
        news = []
        for switch in self._switches.values():
            problem = switch.trouble(end_us)
            if (problem is None) is not (switch.problem is None):
                switch.problem = problem
                self._forget(switch)
                told = SensorHealth(sensor=switch.sensor, problem=problem, time_us=end_us)
                news.append(told)
            switch.problem = problem
        return news

    def is_well(self, door: int, side: int) -> bool:
        """Whether a side of a door has a beam that works, as far as is known."""
        switch = self._at.get((door, side))
        return switch is not None and switch.problem is None

    def broken_us(self, door: int, side: int) -> list[int]:
        """When the beam on a side of a door was broken, oldest first; none if it is not well."""
        switch = self._at.get((door, side))
        return [] if switch is None else switch.broken_us()

    def breaks(self, door: int, side: int) -> Sequence[Break]:
        """The same with the times at which it was clear again, None where it is not yet."""
        if (known := self._breaks.get((door, side))) is None:
            switch = self._at.get((door, side))
            known = self._breaks[door, side] = [] if switch is None else switch.breaks()
        return known

    def occupied(self, door: int, first_us: int, last_us: int) -> tuple[int, int] | None:
        """When something stood in a door's beams at, or very near, a span of time; None: nothing.

        What follows close behind cannot be told from it. What is still there ends with the span.
        """
        near = [
            span
            for span in self._occupied(door)
            if span[0] - NEAR_US <= last_us and span[1] + NEAR_US >= first_us
        ]
        if not near:
            return None
        start_us, end_us = near[0][0], near[-1][1]
        return start_us, max(start_us, last_us) if end_us == STILL_US else end_us

    def _occupied(self, door: int) -> list[tuple[int, int]]:
        """When anything stood in either beam, oldest first."""
        if (known := self._spans.get(door)) is not None:
            return known
        spans = sorted(
            (start_us, STILL_US if end_us is None else end_us)
            for side in (INSIDE, OUTSIDE)
            for start_us, end_us in self.breaks(door, side)
        )
        joined: list[tuple[int, int]] = []
        for start_us, end_us in spans:
            if joined and start_us - joined[-1][1] < BEHIND_US:
                joined[-1] = (joined[-1][0], max(joined[-1][1], end_us))
            else:
                joined.append((start_us, end_us))
        self._spans[door] = joined
        return joined

    def closed(self, door: int, time_us: int) -> bool:
        """Whether a contact says that the door was closed."""
        switch = self._at.get((door, CONTACT))
        return switch is not None and switch.problem is None and switch.value_at(time_us) is False

    def near(
        self, doors: npt.NDArray[np.intp], crossing_us: Times
    ) -> tuple[Floats, Floats, Floats]:
        """Sign and seconds of outer minus inner beam near the crossing; whether any was broken."""
        places = doors * DOORS_APART_US + crossing_us
        inner_us, outer_us = (_nearest(places, self._line(side)) for side in (INSIDE, OUTSIDE))
        inner_near = np.abs(inner_us - places) <= BEAM_US
        outer_near = np.abs(outer_us - places) <= BEAM_US
        between_s = np.where(inner_near & outer_near, (outer_us - inner_us) / 1e6, 0.0)
        return np.sign(between_s), between_s, (inner_near | outer_near).astype(np.float64)

    def _line(self, side: int) -> Times:
        """When the beams of a side were broken, on one line: those of different doors far apart."""
        if (line := self._lines.get(side)) is None:
            doors = (switch for (_, place), switch in self._at.items() if place == side)
            breaks = (s.door * DOORS_APART_US + at for s in doors for at in s.broken_us())
            line = self._lines[side] = np.array(sorted(breaks), dtype=np.int64)
        return line

    def _forget(self, switch: _Switch) -> None:
        """What was made of a sensor's changes does not hold any more."""
        self._spans.pop(switch.door, None)
        self._breaks.pop((switch.door, switch.place), None)
        self._lines.pop(switch.place, None)
        both = (self._at.get((switch.door, side)) for side in (INSIDE, OUTSIDE))
        self.telling[switch.door] = all(beam is not None and beam.breaks() for beam in both)

    def story(self, door: int, start_us: int, end_us: int) -> list[dict[str, str]]:
        """What the door's sensors said in a span of time: `{"sensor": …, "broken": when}`.

        Words are broken and clear, open and closed. Sensors that are not well have no say.
        """
        changes: list[tuple[int, str, str]] = []
        for place, words in WORDS.items():
            switch = self._at.get((door, place))
            if switch is None or switch.problem is not None:
                continue
            first = bisect_left(switch.times_us, start_us)
            for change in range(first, bisect_right(switch.times_us, end_us)):
                word = words[switch.value_after(change)]
                changes.append((switch.times_us[change], switch.sensor, word))
        return [{"sensor": sensor, word: iso_utc(at_us)} for at_us, sensor, word in sorted(changes)]


def _nearest(places: Times, line: Times) -> Times:
    """For each place the nearest on a line, of equals the first; far away if there is none."""
    if not len(line):
        return np.full(len(places), NEVER_US)
    after = np.minimum(np.searchsorted(line, places), len(line) - 1)
    before = np.maximum(after - 1, 0)
    nearer = places - line[before] <= line[after] - places
    return np.asarray(line[np.where(nearer, before, after)])
