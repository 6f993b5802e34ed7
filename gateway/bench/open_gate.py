"""Gates in the open: no wall between the sides, so that both hear nearly all that comes near.

A lesson unlike the docks: what tells the way is only which side's power rose and fell first. People
carry, push or drive loads up to a gate, through it, back again or past it. Tags are seen for the
first time a moment before, and are gone a moment after; some come again, having been carried round
the gate unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gateway.bench.plain_dock import IN, OUT
from gateway.bench.sites import dock
from gateway.model.place import Antenna, Side, Site
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex

STEP_S = 0.1
RIPPLES = 6  # waves that make up the fading along a way
PASS, TURN, LOITER, STAND = "pass", "turn", "loiter", "stand"

Random = np.random.Generator
Floats = npt.NDArray[np.float64]
#: (tag, door, time, way) of a tag that crossed the line between the sides.
Crossing = tuple[int, int, int, int]


class OpenGate:
    """One to three gates, each with a run at a time; `step` gives 100 ms of it."""

    def __init__(self, seed: int) -> None:
        self._rng = rng = np.random.default_rng([seed, 1905])
        u = rng.uniform
        self.site, self.tags = _site(rng), TagIndex()
        self._radio = _Radio(
            places_m=np.array([a.position_m for a in self.site.antennas], dtype=np.float64),
            outside=np.array([a.side is Side.OUTSIDE for a in self.site.antennas]),
            at_1m_dbm=u(-50.0, -34.0),
            slope_db=u(18.0, 36.0),
            reach_db=u(14.0, 34.0),
            fading_db=u(0.0, 4.0),
            noise_db=u(0.4, 2.0),
            front_to_back_db=u(0.0, 8.0) if rng.random() < 0.5 else 0.0,
            shadow_db=u(0.0, 8.0),
            reads_per_s=float(np.exp(u(np.log(20.0), np.log(300.0)))),
            dwell_s=u(0.05, 0.25),
        )
        self._tags_per_load = (1, 3) if rng.random() < 0.3 else (3, int(rng.integers(6, 26)))
        self._comes_again = rng.random() < 0.5
        self._gap_s = (1.0, u(4.0, 20.0))
        self._known: list[npt.NDArray[np.intp]] = []
        doors = len(self.site.doors)
        self._runs: list[_Run | None] = [None] * doors
        self._next_s = [u(0.5, 6.0) for _ in range(doors)]
        self._count = 0

    def step(self, end_us: int) -> tuple[Reads, list[Crossing]]:
        """Reads of the step that ends at `end_us`, and what crossed in it."""
        now_s, parts, crossings = end_us / 1e6, [empty_reads()], []
        for door, run in enumerate(self._runs):
            if run is None:
                if now_s >= self._next_s[door]:
                    self._runs[door] = self._begin(door, now_s)
            elif now_s > run.ends_s:
                self._runs[door] = None
                self._next_s[door] = now_s + float(self._rng.uniform(*self._gap_s))
            else:
                parts.append(self._radio.read(self._rng, run, end_us))
                crossings += run.crossed(door, end_us)
        reads = np.concatenate(parts)
        return reads[np.argsort(reads["time_us"], kind="stable")], crossings

    def _begin(self, door: int, now_s: float) -> _Run:
        rng = self._rng
        x_m = (self.site.doors[door].position_m or (0.0, 0.0))[0]
        tags = self._some_tags()
        way = _way(rng, now_s)
        return _Run(rng, tags, x_m, way, antennas=len(self.site.antennas))

    def _some_tags(self) -> npt.NDArray[np.intp]:
        rng = self._rng
        busy = {id(run.tags) for run in self._runs if run is not None}
        free = [tags for tags in self._known if id(tags) not in busy]
        if free and self._comes_again and rng.random() < 0.7:
            return free[int(rng.integers(len(free)))]
        epcs = [rng.bytes(12) for _ in range(int(rng.integers(*self._tags_per_load)))]
        tags = np.array([self.tags.add(epc) for epc in epcs], dtype=np.intp)
        self._known.append(tags)
        return tags


class _Run:
    """A load on its way; `y_m` is how far inside the line a tag is."""

    def __init__(
        self,
        rng: Random,
        tags: npt.NDArray[np.intp],
        x_m: float,
        way: list[tuple[float, float]],
        antennas: int,
    ) -> None:
        self.tags = tags
        self._times_s, self._places_m = (np.array(column) for column in zip(*way, strict=True))
        self.ends_s = float(self._times_s[-1])
        spread_m = rng.uniform(0.1, 0.6)
        self._offset_m = rng.uniform(-spread_m, spread_m, len(tags))
        self.x_m = x_m + rng.uniform(-0.5, 0.5) + rng.uniform(-spread_m, spread_m, len(tags))
        self.z_m = rng.uniform(0.3, 1.8, len(tags))
        self.loss_db = np.abs(rng.normal(0.0, 3.0, len(tags)))
        shape = (len(tags), antennas, RIPPLES)
        self.waves_per_m = 2 * np.pi / rng.uniform(0.16, 1.2, shape)
        self.phases = rng.uniform(0.0, 2 * np.pi, shape)
        self._before_m = self.y_m(self._times_s[0])

    def y_m(self, at_s: float) -> Floats:
        """Where all its tags are."""
        return np.asarray(np.interp(at_s, self._times_s, self._places_m) + self._offset_m)

    def heading(self, at_s: float) -> float:
        """-1 outward, +1 inward, 0 at rest."""
        places = np.interp([at_s - 0.2, at_s + 0.2], self._times_s, self._places_m)
        return float(np.sign(np.round(places[1] - places[0], 3)))

    def crossed(self, door: int, end_us: int) -> list[Crossing]:
        """Tags that crossed the line since this was last asked."""
        before_m, self._before_m = self._before_m, self.y_m(end_us / 1e6)
        moved = np.flatnonzero((before_m >= 0.0) != (self._before_m >= 0.0)).tolist()
        return [
            (int(self.tags[n]), door, end_us, IN if self._before_m[n] >= 0.0 else OUT)
            for n in moved
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Radio:
    """What antennas hear."""

    places_m: Floats
    outside: npt.NDArray[np.bool_]
    at_1m_dbm: float
    slope_db: float  # per decade of distance
    reach_db: float  # below the power at 1 m nothing is heard
    fading_db: float
    noise_db: float
    front_to_back_db: float  # of antennas that look away from the line
    shadow_db: float  # what a load and who carries it cost behind them
    reads_per_s: float
    dwell_s: float

    def read(self, rng: Random, run: _Run, end_us: int) -> Reads:
        """The reads of a load in one step: antennas take turns, tags reply at random."""
        tries = int(rng.poisson(self.reads_per_s * STEP_S))
        ago_us = rng.integers(0, round(STEP_S * 1e6), tries)
        times_s = (end_us - ago_us) / 1e6
        antenna = (times_s / self.dwell_s).astype(np.intp) % len(self.outside)
        tag = rng.integers(0, len(run.tags), tries)
        y_m = run.y_m(end_us / 1e6)[tag]
        delta = np.stack([run.x_m[tag], y_m, run.z_m[tag]], axis=1) - self.places_m[antenna]
        distance_m = np.maximum(np.sqrt((delta**2).sum(axis=1)), 0.3)
        power = self.at_1m_dbm - run.loss_db[tag] - self.slope_db * np.log10(distance_m)
        waves = np.cos(run.waves_per_m[tag, antenna] * y_m[:, None] + run.phases[tag, antenna])
        power += self.fading_db * np.sqrt(2.0 / RIPPLES) * waves.sum(axis=1)
        looks = np.where(self.outside[antenna], -1.0, 1.0)
        power -= self.front_to_back_db * (delta[:, 1] * looks < 0.0)
        power -= self.shadow_db * (delta[:, 1] * run.heading(end_us / 1e6) > 0.0)
        power += rng.normal(0.0, self.noise_db, tries)
        heard = np.flatnonzero(power > self.at_1m_dbm - self.reach_db + rng.normal(0.0, 1.0, tries))
        reads = empty_reads(len(heard))
        reads["time_us"] = end_us - ago_us[heard]
        reads["first_us"] = reads["at_us"] = reads["time_us"]
        reads["tag"], reads["antenna"] = run.tags[tag[heard]], antenna[heard]
        reads["count"], reads["phase_rad"] = 1, np.nan
        reads["rssi_cdbm"] = np.round(power[heard] * 2) * 50
        return reads


def _site(rng: Random) -> Site:
    """Gates with an antenna or two on either side of the line, near it or a step away."""
    u = rng.uniform
    doors = int(rng.integers(1, 4))
    site = dock(
        doors,
        u(3.5, 8.0),
        antenna_height_m=u(0.8, 2.6),
        inside_m=u(0.15, 1.5),
        outside_m=u(-1.5, -0.15),
    )
    antennas: tuple[Antenna, ...] = site.antennas
    if rng.random() < 0.7:  # one antenna a side, on the same post or across
        ports = (1, 3) if rng.random() < 0.5 else (1, 4)
        antennas = tuple(a for a in antennas if a.port in ports)
    bare = tuple(replace(d, inner_beam=None, outer_beam=None, contact=None) for d in site.doors)
    return replace(site, doors=bare, antennas=antennas)


def _way(rng: Random, begin_s: float) -> list[tuple[float, float]]:
    """(time, place) of a load's turning points, in s and metres inside the line."""
    u, side = rng.uniform, float(rng.choice([-1.0, 1.0]))
    kind = rng.choice([PASS, TURN, LOITER, STAND], p=[0.6, 0.2, 0.1, 0.1])
    if kind == STAND:
        place_m = side * u(0.6, 4.0)
        return [(begin_s, place_m), (begin_s + u(5.0, 30.0), place_m)]
    if kind == LOITER:
        steps = int(rng.integers(3, 10))
        times = begin_s + np.cumsum(u(0.7, 2.5, steps))
        return list(zip(times.tolist(), (side * u(0.8, 4.0, steps)).tolist(), strict=True))
    speed, far_m = u(0.4, 2.5), u(2.0, 7.0)
    rest_s = u(4.0, 10.0) if rng.random() < 0.2 else u(0.0, 3.0)
    way = [(begin_s, side * far_m), (begin_s + rest_s, side * far_m)]
    stops = [-side * u(2.0, 7.0)]
    if kind == TURN:
        stops = [side * u(0.5, 1.5), side * far_m]
    elif rng.random() < 0.15:  # a moment's halt under way
        stops.insert(0, float(u(-1.0, 1.0)))
    for place_m in stops:
        arrives_s = way[-1][0] + abs(place_m - way[-1][1]) / speed
        way += [(arrives_s, place_m), (arrives_s + u(0.3, 4.0), place_m)]
    return way
