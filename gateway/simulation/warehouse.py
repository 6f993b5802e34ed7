"""A simulated warehouse: pallets that move, what readers read of them, what sensors say, the truth.

Pure and seeded. Time is an argument; the same site, scenario and seed give the same bytes, however
the time is cut into steps.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from gateway.model.place import Site
from gateway.model.reads import READ, Reads, empty_reads
from gateway.model.tags import TagIndex
from gateway.simulation.inventory import Schedule, Singulation, Slice
from gateway.simulation.layout import Layout
from gateway.simulation.population import Population, populate
from gateway.simulation.radio import LIGHT_M_PER_S, Links, Radio
from gateway.simulation.scenario import RadioModel, Scenario
from gateway.simulation.sensors import SensorEvent
from gateway.simulation.stations import Stations
from gateway.simulation.traffic import Traffic
from gateway.simulation.truth import Fact

T = TypeVar("T")

#: Each thing that draws random numbers has a stream of its own.
_STREAMS = ("stations", "stock", "air", "traffic")


@dataclass(slots=True, kw_only=True)
class Batch:
    """What happened in a stretch of time; every list and array in order of time."""

    reads: Reads  # rows of model.reads.READ: tag numbers of `World.tags`, antennas of the site
    sensors: list[SensorEvent] = field(default_factory=list)
    truth: list[Fact] = field(default_factory=list)


class World:
    """One warehouse from time 0. `tags` numbers the EPCs of everything in it."""

    def __init__(self, site: Site, scenario: Scenario, seed: int) -> None:
        self.site, self.scenario = site, scenario
        layout = Layout(site)
        rngs = {name: _rng(seed, n) for n, name in enumerate(_STREAMS)}
        stations = Stations(layout, scenario.stock, rngs["stations"])
        self.population: Population = populate(
            stations.pallets, scenario.stock, scenario.radio, rngs["stock"]
        )
        self.tags = TagIndex()
        for epc in self.population.epcs:
            self.tags.add(epc)
        self._radio = Radio(layout, self.population, scenario.radio, rngs["air"])
        self._traffic = Traffic(layout, stations, self.population, scenario, rngs["traffic"])
        self._readers = [
            _Reader(antennas, len(self.tags), scenario.radio, _rng(seed, len(_STREAMS) + n))
            for n, antennas in enumerate(_antennas_by_reader(site))
        ]
        self._turns = [(reader.schedule.next_us, n) for n, reader in enumerate(self._readers)]
        heapq.heapify(self._turns)
        self._pending_reads = empty_reads()
        self._sensors: _Queue[SensorEvent] = _Queue()
        self._facts: _Queue[Fact] = _Queue()
        self.now_us = 0

    def advance(self, to_us: int) -> Batch:
        """Everything that happens after the last call and up to `to_us`, microseconds from 0."""
        slices = [self._pending_reads]
        while self._turns and self._turns[0][0] <= to_us:
            _, number = heapq.heappop(self._turns)
            reader = self._readers[number]
            slices.append(self._inventory(reader, reader.schedule.next()))
            heapq.heappush(self._turns, (reader.schedule.next_us, number))
        self._traffic.advance(to_us)
        self.now_us = to_us
        reads = np.concatenate(slices)
        reads = reads[np.argsort(reads["time_us"], kind="stable")]
        ready = int(np.searchsorted(reads["time_us"], to_us, side="right"))
        self._pending_reads = reads[ready:]
        return Batch(
            reads=reads[:ready],
            sensors=self._sensors.take(
                ((e.time_us, e) for e in _emptied(self._traffic.sensor_events)), to_us
            ),
            truth=self._facts.take(_emptied(self._traffic.facts), to_us),
        )

    def _inventory(self, reader: _Reader, cut: Slice) -> Reads:
        self._traffic.advance(cut.start_us)
        links = self._radio.links(
            cut.antenna,
            xyz_m=self._traffic.xyz_m,
            velocity_m_per_s=self._traffic.velocity_m_per_s,
            open_doors=self._traffic.open_doors,
            frequency_hz=cut.frequency_hz,
            time_s=cut.start_us / 1e6,
        )
        return reader.read(links, cut)


class _Reader:
    """One reader at work: its schedule, its tags' flags, its measuring errors."""

    def __init__(
        self, antennas: tuple[int, ...], tags: int, model: RadioModel, rng: np.random.Generator
    ) -> None:
        self.schedule = Schedule(antennas, model, rng)
        self._singulation = Singulation(tags, model, rng)
        self._model, self._rng = model, rng

    def read(self, links: Links, cut: Slice) -> Reads:
        """The reads of one slice, measured as a reader measures: noisy and rounded."""
        rows, times_us = self._singulation.read(links.tag, cut)
        reads = np.zeros(len(rows), dtype=READ)
        if len(rows) == 0:
            return reads
        reads["time_us"] = reads["first_us"] = reads["at_us"] = times_us
        reads["tag"] = links.tag[rows]
        reads["antenna"] = cut.antenna
        reads["count"] = 1
        reads["channel"] = cut.channel
        power = links.rssi_dbm[rows] + self._rng.normal(0.0, self._model.rssi_noise_db, len(rows))
        step = self._model.rssi_step_db
        reads["rssi_cdbm"] = np.round(np.round(power / step) * step * 100)
        reads["phase_rad"] = self._phase(links, rows, times_us - cut.start_us, power, cut)
        return reads

    def _phase(
        self,
        links: Links,
        rows: npt.NDArray[np.int64],
        after_us: npt.NDArray[np.int64],
        power_dbm: npt.NDArray[np.float64],
        cut: Slice,
    ) -> Any:
        """The phase of the way there and back, at the moment of each read."""
        range_m = links.range_m[rows] + links.range_rate_m_per_s[rows] * (after_us / 1e6)
        travelled = 4 * np.pi * range_m * cut.frequency_hz / LIGHT_M_PER_S
        # Close to the floor of what it hears, a reader's phase is worth little.
        weak = np.clip((power_dbm - self._model.rssi_floor_dbm) / 12.0, 0.0, 1.0)
        noise = self._model.phase_noise_rad + (1 - weak) * 0.45
        phase = travelled + links.phase_rad[rows] + self._rng.normal(0.0, 1.0, len(rows)) * noise
        return np.mod(phase, 2 * np.pi)


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


def _emptied(planned: list[T]) -> list[T]:
    taken = planned.copy()
    planned.clear()
    return taken


def _antennas_by_reader(site: Site) -> list[tuple[int, ...]]:
    return [
        tuple(n for n, a in enumerate(site.antennas) if a.reader == reader)
        for reader in site.readers
    ]


def _rng(seed: int, stream: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, stream])))
