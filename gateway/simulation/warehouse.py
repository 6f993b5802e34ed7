"""A simulated warehouse: loads that move, what readers read of them, what sensors say, the truth.

Pure and seeded. Time is an argument; the same site, scenario and seed give the same bytes, however
the time is cut into steps.
"""

from __future__ import annotations

import heapq
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from gateway.model.place import Site
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex
from gateway.simulation.backhaul import Backhaul, ReaderClock, reader_clock
from gateway.simulation.faults import FaultEvent, StatusEvent, Troubles
from gateway.simulation.inventory import Flags, Slice
from gateway.simulation.layout import Layout
from gateway.simulation.measuring import Reader
from gateway.simulation.population import Population, populate
from gateway.simulation.radio import Radio, Scene
from gateway.simulation.scenario import Scenario
from gateway.simulation.sensors import SensorEvent
from gateway.simulation.stations import Stations
from gateway.simulation.traffic import Traffic
from gateway.simulation.truth import Fact

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Batch:
    """What happened in a stretch of time; each list in order of time, reads in order of arrival."""

    reads: Reads  # rows of model.reads.READ: tag numbers of `World.tags`, antennas of the site
    sensors: list[SensorEvent] = field(default_factory=list)
    statuses: list[StatusEvent] = field(default_factory=list)
    faults: list[FaultEvent] = field(default_factory=list)
    truth: list[Fact] = field(default_factory=list)


class World:
    """One warehouse from time 0. `tags` numbers the EPCs of everything in it.

    Ask it either for what happens at its readers (`happen`) or for what a gateway gets to know of
    that (`advance`); a world is asked for one of the two only.
    """

    def __init__(self, site: Site, scenario: Scenario, seed: int) -> None:
        self.site, self.scenario = site, scenario
        layout = Layout(site)
        stations = Stations(layout, scenario.stock, _rng(seed, "stations"))
        self.population: Population = populate(
            stations.is_carton, scenario.stock, scenario.radio, _rng(seed, "stock")
        )
        self.tags = TagIndex()
        for epc in self.population.epcs:
            self.tags.add(epc)
        radio, reports = scenario.radio, scenario.reports
        self._radio = Radio(layout, self.population, radio, _rng(seed, "air"))
        self._traffic = Traffic(layout, stations, self.population, scenario, _rng(seed, "traffic"))
        self._troubles = Troubles(
            site, self._traffic.floor, scenario.faults, _rng(seed, "troubles")
        )
        self._traffic.hall.crossing_planned.append(self._troubles.crossing_planned)
        flags = Flags(len(self.tags), radio.session, _rng(seed, "flags")) if radio.session else None
        self._readers = [
            Reader(name, antennas, flags, radio, _rng(seed, f"reader {name}"))
            for name, antennas in _antennas_by_reader(site)
        ]
        clocks_rng = _rng(seed, "clocks")
        self.clocks: dict[str, ReaderClock] = {
            name: reader_clock(reports, clocks_rng) for name in site.readers
        }
        self._backhauls = [
            Backhaul(reports, self.clocks[r.name], _rng(seed, f"backhaul {r.name}"))
            for r in self._readers
        ]
        self._turns = [(reader.schedule.next_us, n) for n, reader in enumerate(self._readers)]
        heapq.heapify(self._turns)
        self._pending_reads = empty_reads()
        self._sensors: _Queue[SensorEvent] = _Queue()
        self._statuses: _Queue[StatusEvent] = _Queue()
        self._faults: _Queue[FaultEvent] = _Queue()
        self._facts: _Queue[Fact] = _Queue()
        self.now_us = 0

    def advance(self, to_us: int) -> Batch:
        """What a gateway gets to know after the last call and up to `to_us`, from 0.

        Reads are stamped by their readers' clocks and in order of arrival (`at_us`), statuses are
        what is told.
        """
        return self._batch(to_us, as_reported=True)

    def happen(self, to_us: int) -> Batch:
        """What happens at the readers after the last call and up to `to_us`, reports apart."""
        return self._batch(to_us, as_reported=False)

    def _batch(self, to_us: int, *, as_reported: bool) -> Batch:
        slices = [self._pending_reads]
        while self._turns and self._turns[0][0] <= to_us:
            _, number = heapq.heappop(self._turns)
            slices.append(self._slice(number, as_reported=as_reported))
            heapq.heappush(self._turns, (self._readers[number].schedule.next_us, number))
        self._traffic.advance(to_us)
        self.now_us = to_us
        reads = _joined(slices)
        reads = reads[np.argsort(reads["at_us"], kind="stable")]
        ready = int(np.searchsorted(reads["at_us"], to_us, side="right"))
        self._pending_reads = reads[ready:]
        return Batch(
            reads=reads[:ready],
            sensors=self._sensors.take(
                ((e.time_us, e) for e in self._traffic.take_events()), to_us
            ),
            statuses=self._statuses.take(
                ((e.time_us, e) for e in _emptied(self._troubles.statuses)), to_us
            ),
            faults=self._faults.take(
                ((e.time_us, e) for e in _emptied(self._troubles.events)), to_us
            ),
            truth=self._facts.take(self._traffic.take_facts(), to_us),
        )

    def _slice(self, number: int, *, as_reported: bool) -> Reads:
        reader = self._readers[number]
        cut = reader.schedule.next()
        self._traffic.advance(cut.start_us)
        reads = empty_reads()
        if self._troubles.reads(reader.name, cut.antenna):
            reads = self._inventory(reader, cut)
        if not as_reported:
            return reads
        delivers = self._troubles.delivers(reader.name)
        return self._backhauls[number].carry(reads, cut, delivers=delivers)

    def _inventory(self, reader: Reader, cut: Slice) -> Reads:
        floor = self._traffic.floor
        scene = Scene(
            xyz_m=floor.xyz_m,
            velocity_m_per_s=floor.velocity_m_per_s,
            moved=floor.moved,
            open_doors=self._traffic.open_doors,
            bodies=floor.bodies(),
        )
        links = self._radio.links(
            cut.antenna, scene, frequency_hz=cut.frequency_hz, time_s=cut.start_us / 1e6
        )
        return reader.read(links, cut)


class _Queue(Generic[T]):
    """Things that have been planned, given out when their time has come."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []
        self._entries = 0

    def take(self, planned: Iterable[tuple[int, T]], to_us: int) -> list[T]:
        """Add what is planned; remove and return everything up to a time."""
        for time_us, thing in planned:
            self._entries += 1
            heapq.heappush(self._heap, (time_us, self._entries, thing))
        due = []
        while self._heap and self._heap[0][0] <= to_us:
            due.append(heapq.heappop(self._heap)[2])
        return due


def _joined(parts: list[Reads]) -> Reads:
    """All rows, as np.concatenate gives them; that one compares the columns of every two parts."""
    ends = np.cumsum([len(part) for part in parts])
    joined = empty_reads(int(ends[-1]))
    for end, part in zip(ends.tolist(), parts, strict=True):
        joined[end - len(part) : end] = part
    return joined


def _emptied(planned: list[T]) -> list[T]:
    taken = planned.copy()
    planned.clear()
    return taken


def _antennas_by_reader(site: Site) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (reader, tuple(n for n, a in enumerate(site.antennas) if a.reader == reader))
        for reader in site.readers
    ]


def _rng(seed: int, stream: str) -> np.random.Generator:
    """The random numbers of one part of the world: others draw from streams of their own."""
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([seed, zlib.crc32(stream.encode())]))
    )
