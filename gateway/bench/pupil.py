"""Docks as lessons: what is seen there step by step, with what is true, and a core that is taught.

A lesson is a simulated dock, a plain one, or gates in the open, watched from both sides or one. A
pupil is a core that sees a lesson; its doors may be replaced by a teacher that tells it the truth,
or by none, to see what it makes of it by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.bench.open_gate import OpenGate
from gateway.bench.plain_dock import PlainDock
from gateway.bench.training_worlds import busy_world, random_world
from gateway.core import Core
from gateway.location.coverage import Coverage
from gateway.location.doors import Doors
from gateway.location.passage_model import IN, OUT
from gateway.location.states import TagStates
from gateway.model.device import DeviceStatus, ReaderState, SensorReading
from gateway.model.movement import Movement
from gateway.model.outcome import Inputs
from gateway.model.place import Side, Site
from gateway.model.reads import Reads
from gateway.model.tags import TagIndex
from gateway.simulation.scenario import Scenario
from gateway.simulation.warehouse import World

START_US = 1_732_000_000_000_000
STEP_US = 100_000

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]
#: (tag, door) → (time, OUT or IN); times are microseconds from 0.
Crossings = dict[tuple[int, int], list[tuple[int, int]]]


class Seen(NamedTuple):
    """What is seen in one step, and which crossings happened: tag, door, time, way."""

    to_us: int
    reads: Reads
    beams: list[tuple[str, bool, int]]
    statuses: list[tuple[int, str, int | None, bool]]
    crossings: list[tuple[int, int, int, int]]


class Lesson(NamedTuple):
    """A dock and what goes on there."""

    site: Site
    tags: TagIndex
    steps: Iterator[Seen]


def simulated(seed: int, seconds: float) -> Lesson:
    """A warehouse with every number drawn."""
    return _warehouse(*random_world(seed), seed, seconds)


def busy(seed: int, seconds: float) -> Lesson:
    """A long dock with much about."""
    return _warehouse(*busy_world(seed), seed, seconds)


def _warehouse(site: Site, scenario: Scenario, seed: int, seconds: float) -> Lesson:
    world = World(site, scenario, seed)
    return Lesson(site, world.tags, _simulated(world, seconds))


def _simulated(world: World, seconds: float) -> Iterator[Seen]:
    doors, number_of = world.site.door_numbers, world.tags.find
    for to_us in range(STEP_US, round(seconds * 1e6) + 1, STEP_US):
        batch = world.advance(to_us)
        crossings = [
            (tag, doors[f["door"]], f["t"], OUT if f["direction"] == "out" else IN)
            for f in batch.truth
            if "door" in f
            and "epc" in f
            and (tag := number_of(bytes.fromhex(f["epc"]))) is not None
        ]
        beams = [(e.sensor, e.value, e.time_us) for e in batch.sensors]
        statuses = [(e.time_us, e.reader, e.port, e.up) for e in batch.statuses]
        yield Seen(to_us, batch.reads.copy(), beams, statuses, crossings)


def plain(seed: int, seconds: float) -> Lesson:
    """A dock without walls, patterns or fading.

    What is learnt must hold there too, or it was learnt of the other simulator.
    """
    return _stepped(PlainDock(seed), seconds)


def gates(seed: int, seconds: float) -> Lesson:
    """Gates in the open, heard from both sides: at them only the order of things tells the way."""
    return _stepped(OpenGate(seed), seconds)


def one_sided(lesson: Lesson, side: Side) -> Lesson:
    """The same dock, of which nobody watches the other side."""
    antennas = lesson.site.antennas
    kept = np.array([antenna.side is side for antenna in antennas])
    number = np.cumsum(kept) - 1
    site = replace(lesson.site, antennas=tuple(a for a in antennas if a.side is side))
    ports = {(antenna.reader, antenna.port) for antenna in site.antennas}
    return Lesson(site, lesson.tags, (_seen_by(seen, kept, number, ports) for seen in lesson.steps))


def _seen_by(seen: Seen, kept: Bools, number: Numbers, ports: set[tuple[str, int]]) -> Seen:
    reads = seen.reads[kept[seen.reads["antenna"]]]
    reads["antenna"] = number[reads["antenna"]]
    told = [s for s in seen.statuses if s[2] is None or (s[1], s[2]) in ports]
    return seen._replace(reads=reads, statuses=told)


def _stepped(place: PlainDock | OpenGate, seconds: float) -> Lesson:
    steps = range(STEP_US, round(seconds * 1e6) + 1, STEP_US)
    seen = ((to_us, *place.step(to_us)) for to_us in steps)
    return Lesson(
        place.site, place.tags, (Seen(to_us, reads, [], [], true) for to_us, reads, true in seen)
    )


class Pupil:
    """A core at a lesson; `truth` fills as it goes on, times from 0 plus `START_US`."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson
        self.core = Core(lesson.site, lesson.tags)
        self.truth: Crossings = defaultdict(list)

    def teach(self, make: Callable[[Coverage, TagStates], Doors]) -> None:
        """Have its doors decided by something else."""
        self.core.engine.replace_doors(make)

    def attend(self) -> Iterator[Movement]:
        """See it all; what is decided on the way."""
        for step in self._lesson.steps:
            for tag, door, time_us, way in step.crossings:
                self.truth[tag, door].append((time_us + START_US, way))
            for name in ("time_us", "first_us", "at_us"):
                step.reads[name] += START_US
            inputs = Inputs(
                reads=[step.reads],
                sensors=[
                    SensorReading(sensor=n, value=v, time_us=t + START_US, at_us=t + START_US)
                    for n, v, t in step.beams
                ],
                statuses=[_status(*status) for status in step.statuses],
            )
            yield from self.core.tick(inputs, step.to_us + START_US).movements


def _status(time_us: int, reader: str, port: int | None, up: bool) -> DeviceStatus:
    state = ReaderState.UP if up else ReaderState.DOWN
    return DeviceStatus(
        reader=reader, state=state, reason="", time_us=time_us + START_US, port=port
    )
