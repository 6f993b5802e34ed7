"""Faults: readers and antennas that fail for a time, told or not, with their reads kept or lost.

A reader that is *dead* reads nothing. One whose *link* is down reads on and delivers afterwards. An
antenna with a broken cable reads nothing. What is told becomes a status; the truth knows of all:

    {"t", "fault": "dead" | "link" | "antenna", "reader", "antenna", "until", "told"}
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from gateway.model.place import Site
from gateway.simulation.floor import Floor
from gateway.simulation.scenario_parts import Faults, Range
from gateway.simulation.truth import Fact

#: A reader that goes down in a passage does so around the moment of the crossing.
IN_PASSAGE_S: Range = (-1.0, 1.0)


class StatusEvent(NamedTuple):
    """The gateway learns that a reader, or one of its antennas, has gone or is back."""

    time_us: int
    reader: str
    port: int | None  # None: the whole reader
    up: bool


class FaultEvent(NamedTuple):
    """A fault begins or ends, whether anybody notices or not."""

    time_us: int
    kind: str  # dead, link, antenna
    reader: str
    port: int | None
    begins: bool
    told: bool


class Troubles:
    """Plans faults into the calendar, and knows at any time what is broken."""

    def __init__(self, site: Site, floor: Floor, faults: Faults, rng: np.random.Generator) -> None:
        self._site, self._floor, self._faults, self._rng = site, floor, faults, rng
        self._dead: set[str] = set()
        self._cut_off: set[str] = set()
        self._broken: set[int] = set()
        self._outages = dict.fromkeys(site.readers, 0)
        self.statuses: list[StatusEvent] = []
        self.events: list[FaultEvent] = []
        for reader in site.readers:
            self._again(faults.outage_every_s, partial(self._outage, reader))
        for number in range(len(site.antennas)):
            self._again(faults.antenna_fault_every_s, partial(self._antenna_fault, number))

    def reads(self, reader: str, antenna: int) -> bool:
        """Whether a reader reads through an antenna now."""
        return reader not in self._dead and antenna not in self._broken

    def delivers(self, reader: str) -> bool:
        """Whether what a reader reads reaches the gateway now."""
        return reader not in self._cut_off

    def crossing_planned(self, door: str, time_us: int) -> None:
        """A load will cross a door's line: now and then its reader goes down just then."""
        if not self._happens(self._faults.outages_in_passages):
            return
        at_us = time_us + self._us(IN_PASSAGE_S)
        readers = dict.fromkeys(a.reader for a in self._site.antennas if a.door == door)

        def go_down() -> None:
            for reader in readers:
                self._outage(reader)

        self._floor.at(at_us, go_down)

    def _again(self, every_s: Range, happen: Callable[[], int]) -> None:
        """Let something happen again and again; it returns how long it lasts."""
        if every_s[1] <= 0:
            return

        def again() -> None:
            self._floor.at(self._floor.now_us + happen() + self._us(every_s), again)

        self._floor.at(self._us(every_s), again)

    def _outage(self, reader: str) -> int:
        limit = self._faults.outages_per_reader
        if reader in self._dead | self._cut_off or (limit and self._outages[reader] >= limit):
            return 0
        self._outages[reader] += 1
        kept = self._happens(self._faults.outages_kept)
        # Without a word the link cannot go: the gateway would notice, and the reader deliver.
        told = kept or self._happens(self._faults.faults_told)
        lasts_us = self._us(self._faults.outage_s)
        down = self._cut_off if kept else self._dead
        down.add(reader)
        self._floor.at(self._floor.now_us + lasts_us, lambda: down.discard(reader))
        self._note("link" if kept else "dead", reader, None, lasts_us, told=told)
        return lasts_us

    def _antenna_fault(self, number: int) -> int:
        antenna, lasts_us = self._site.antennas[number], self._us(self._faults.antenna_fault_s)
        told = self._happens(self._faults.faults_told)
        self._broken.add(number)
        self._floor.at(self._floor.now_us + lasts_us, lambda: self._broken.discard(number))
        self._note("antenna", antenna.reader, antenna.port, lasts_us, told=told)
        return lasts_us

    def _note(self, kind: str, reader: str, port: int | None, lasts_us: int, *, told: bool) -> None:
        now_us = self._floor.now_us
        end_us = now_us + lasts_us
        for time_us, begins in ((now_us, True), (end_us, False)):
            self.events.append(FaultEvent(time_us, kind, reader, port, begins, told))
        fact: Fact = {"t": now_us, "fault": kind, "reader": reader, "until": end_us, "told": told}
        self._floor.facts.append((now_us, fact if port is None else {**fact, "antenna": port}))
        noticed_us = now_us + self._us(self._faults.notice_s)
        if told and noticed_us < end_us:
            self.statuses.append(StatusEvent(noticed_us, reader, port, False))
            self.statuses.append(StatusEvent(end_us, reader, port, True))

    def _happens(self, share: float) -> bool:
        return share > 0 and bool(self._rng.random() < share)

    def _us(self, limits: Range) -> int:
        return round(float(self._rng.uniform(*limits)) * 1e6)
