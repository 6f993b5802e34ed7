"""Photo-eyes and door contacts: what they say when a truck drives by, with their usual faults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gateway.simulation.layout import DoorPlace
from gateway.simulation.population import LOAD_HALF_M
from gateway.simulation.scenario import Faults

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

#: Where the beams cross the opening, along y from the door.
INNER_BEAM_M = 0.5
OUTER_BEAM_M = -0.5
#: The truck behind its forks: from here to there, toward the hall.
TRUCK_M = (LOAD_HALF_M, 3.0)
#: A beam that is broken again within this time was never free for the sensor.
MERGE_US = 100_000


class SensorEvent(NamedTuple):
    """A sensor's value has changed."""

    time_us: int
    sensor: str
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A truck's way past a door, sampled: where its forks are and whether there is a load on them.

    Trucks drive with the forks toward the yard, so that the truck itself is at larger y.
    """

    times_us: Ints
    x: Floats
    y: Floats
    loaded: Flags


def beam_events(
    run: Run, door: DoorPlace, faults: Faults, rng: np.random.Generator
) -> list[SensorEvent]:
    """What the door's photo-eyes say while a truck passes; in order for each sensor."""
    events = []
    for sensor, beam_m in ((door.inner_beam, INNER_BEAM_M), (door.outer_beam, OUTER_BEAM_M)):
        if sensor is None:
            continue
        free_at_us = 0
        for broken_us, free_us in _breaks(run, door, door.y + beam_m):
            missed = rng.random() < faults.missed_beams
            late = rng.uniform(*faults.beam_jitter_ms, size=2) * 1e3
            if missed:
                continue
            on_us = max(broken_us + round(late[0]), free_at_us + 1)
            free_at_us = max(free_us + round(late[1]), on_us + 1)
            events.append(SensorEvent(on_us, sensor, True))
            events.append(SensorEvent(free_at_us, sensor, False))
    return events


def contact_event(
    door: DoorPlace, time_us: int, *, is_open: bool, faults: Faults, rng: np.random.Generator
) -> SensorEvent | None:
    """What the door's contact says; None where there is no contact."""
    if door.contact is None:
        return None
    late = round(rng.uniform(*faults.beam_jitter_ms) * 1e3)
    return SensorEvent(time_us + late, door.contact, is_open)


def _breaks(run: Run, door: DoorPlace, beam_y: float) -> list[tuple[int, int]]:
    """When something stands in a beam: (broken, free) times."""
    front = np.where(run.loaded, -LOAD_HALF_M, TRUCK_M[0])
    broken = (
        (run.y + front <= beam_y)
        & (beam_y <= run.y + TRUCK_M[1])
        & (np.abs(run.x - door.x) < door.half_width)
    )
    edges = np.flatnonzero(np.diff(np.concatenate([[False], broken, [False]]).astype(np.int8)))
    last = len(run.times_us) - 1
    breaks: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        broken_us, free_us = int(run.times_us[start]), int(run.times_us[min(end, last)])
        if breaks and broken_us - breaks[-1][1] < MERGE_US:
            breaks[-1] = (breaks[-1][0], free_us)
        else:
            breaks.append((broken_us, free_us))
    return breaks
