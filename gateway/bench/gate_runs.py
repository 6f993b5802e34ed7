"""Runs at a gate, as recorded in halls by those who published such data: people with tagged boxes.

One antenna on either side of the gate, no wall, a dozen tags a run; a run goes out, in, up to the
gate and back, to and fro on one side, or nowhere, and is recorded from its beginning to its end.
Powers have the spreads that were measured: 3.7 dB from place to place, 1.6 dB from channel to
channel, 0.6 dB from read to read, 21.5 dB per decade. Nothing is shared with any other generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.model.outcome import Inputs
from gateway.model.place import Antenna, Door, Side, Site, Zone, ZoneKind
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex
from gateway.simulation.recorder import START_US

STEP_S, STEP_US = 0.05, 50_000
GATES = 6
TAGS = 12
READS_PER_S = 110.0  # tried at one gate; about two thirds are heard
DWELL_S, HOP_S, CHANNELS = 0.1, 0.2, 50
APART_M = 0.75  # of each antenna from the line
GRID_M, FADES_OVER_M, REACH_M = 0.05, 0.15, 9.0
AT_1M_DBM, PER_DECADE_DB, FLOOR_DBM = -45.0, 21.5, -66.0
FADING_DB, CHANNEL_DB, NOISE_DB, SHADOW_DB = 3.7, 1.6, 0.6, 4.0
KINDS = ("out", "in", "back", "near", "still")

Fact = dict[str, Any]
Floats = npt.NDArray[np.float64]


class GateRuns:
    """Gates far from each other; `run` can be asked once."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 90, 12])
        self.site, self.tags = gate_site(), TagIndex()

    def run(self, seconds: float) -> Iterator[tuple[Inputs, list[Fact]]]:
        """What is read in each 50 ms, and what happened."""
        rng = self._rng
        runs: list[_Run | None] = [None] * GATES
        begin_s = rng.uniform(0.0, 10.0, GATES)
        for step in range(1, round(seconds / STEP_S) + 1):
            end_us, now_s = START_US + step * STEP_US, step * STEP_S
            facts: list[Fact] = []
            parts = [empty_reads()]
            for gate, run in enumerate(runs):
                if run is None:
                    if now_s >= begin_s[gate]:
                        begun = runs[gate] = _Run(rng, self.tags, gate, now_s)
                        facts += begun.stands(end_us)
                    continue
                parts.append(run.reads(rng, now_s, end_us))
                facts += run.crossed(now_s, end_us)
                if now_s >= run.ends_s:
                    facts += run.stands(end_us)
                    runs[gate], begin_s[gate] = None, now_s + rng.uniform(4.0, 12.0)
            reads = np.concatenate(parts)
            order = np.argsort(reads["time_us"], kind="stable")
            yield Inputs(reads=[reads[order]]), facts


class _Run:
    """A dozen boxes on their way; `y_m` is how far inside the line each is."""

    def __init__(self, rng: np.random.Generator, tags: TagIndex, gate: int, begin_s: float) -> None:
        epcs = [rng.bytes(12) for _ in range(TAGS)]
        self._gate = gate
        self._epcs = [epc.hex().upper() for epc in epcs]
        self._tags = np.array([tags.add(epc) for epc in epcs])
        way = _way(rng, str(rng.choice(KINDS)))
        times_s, self._places_m = (np.array(column) for column in zip(*way, strict=True))
        self._times_s = begin_s + times_s
        self.ends_s = float(self._times_s[-1])
        self._offset_m = rng.uniform(-0.4, 0.4, TAGS)
        self._x_m = rng.uniform(-0.5, 0.5, TAGS)
        self._loss_db = np.abs(rng.normal(0.0, 3.0, TAGS))
        self._fading_db = _fading(rng, 2 * TAGS).reshape(TAGS, 2, -1)
        self._channel_db = rng.normal(0.0, CHANNEL_DB, (TAGS, 2, CHANNELS))
        self._was_m = self._y_m(begin_s)

    def _y_m(self, at_s: float) -> Floats:
        return np.asarray(np.interp(at_s, self._times_s, self._places_m) + self._offset_m)

    def stands(self, time_us: int) -> list[Fact]:
        """It is here now."""
        zone = "hall" if self._was_m.mean() >= 0.0 else "yard"
        pallet = {"t": time_us, "pallet": self._epcs[0], "zone": zone, "epcs": self._epcs}
        return [pallet, *({"t": time_us, "epc": epc, "zone": zone} for epc in self._epcs)]

    def crossed(self, now_s: float, time_us: int) -> list[Fact]:
        """What has gone through since this was last asked."""
        was_m, self._was_m = self._was_m, self._y_m(now_s)
        facts: list[Fact] = []
        if (self._was_m != was_m).any():
            facts.append({"t": time_us, "pallet": self._epcs[0], "lifted": True})
        out = bool(self._was_m.mean() < was_m.mean())
        through = {
            "t": time_us, "door": f"gate-{self._gate + 1}", "direction": "out" if out else "in",
        }  # fmt: skip
        moved = np.flatnonzero((was_m >= 0.0) != (self._was_m >= 0.0)).tolist()
        facts += [through | {"epc": self._epcs[n]} for n in moved]
        if (was_m.mean() >= 0.0) != (self._was_m.mean() >= 0.0):
            facts.append(through | {"pallet": self._epcs[0], "epcs": self._epcs})
        return facts

    def reads(self, rng: np.random.Generator, now_s: float, end_us: int) -> Reads:
        """What the gate's two antennas hear of it in one step."""
        tries = int(rng.poisson(READS_PER_S * STEP_S))
        ago_us = rng.integers(0, STEP_US, tries)
        times_s = (end_us - ago_us) / 1e6
        side = (times_s / DWELL_S).astype(np.intp) % 2
        # Hops are in no order that a tag's way could follow.
        channel = (times_s / HOP_S).astype(np.int64) * 37 % CHANNELS
        tag = rng.integers(0, TAGS, tries)
        y_m = self._y_m(now_s)[tag]
        antenna_m = np.where(side == 0, APART_M, -APART_M)
        distance_m = np.sqrt((y_m - antenna_m) ** 2 + self._x_m[tag] ** 2 + 1.0)
        spot = np.clip(((y_m + REACH_M) / GRID_M).astype(np.intp), 0, self._fading_db.shape[2] - 1)
        power = AT_1M_DBM - PER_DECADE_DB * np.log10(distance_m) - self._loss_db[tag]
        power += self._fading_db[tag, side, spot] + self._channel_db[tag, side, channel]
        ahead = np.interp([now_s - STEP_S, now_s + STEP_S], self._times_s, self._places_m)
        power -= SHADOW_DB * ((y_m - antenna_m) * (ahead[1] - ahead[0]) > 0.0)
        power += rng.normal(0.0, NOISE_DB, tries)
        heard = np.flatnonzero(power > FLOOR_DBM + rng.normal(0.0, 1.5, tries))
        reads = empty_reads(len(heard))
        reads["time_us"] = end_us - ago_us[heard]
        reads["first_us"] = reads["at_us"] = reads["time_us"]
        reads["tag"], reads["antenna"] = self._tags[tag[heard]], 2 * self._gate + side[heard]
        reads["count"], reads["phase_rad"], reads["channel"] = 1, np.nan, channel[heard]
        reads["rssi_cdbm"] = np.round(power[heard] * 2) * 50
        return reads


def gate_site() -> Site:
    """A hall and a yard, and between them gates with a reader of two antennas each."""
    names = [f"gate-{n + 1}" for n in range(GATES)]
    return Site(
        id="gates",
        zones=(Zone(id="hall", kind=ZoneKind.TRANSIT), Zone(id="yard", kind=ZoneKind.OUTSIDE)),
        doors=tuple(Door(id=name, inside="hall", outside="yard") for name in names),
        antennas=tuple(
            Antenna(reader=name.replace("gate", "reader"), port=port, door=name, side=side)
            for name in names
            for port, side in ((1, Side.INSIDE), (2, Side.OUTSIDE))
        ),
    )


def _way(rng: np.random.Generator, kind: str) -> list[tuple[float, float]]:
    """(time, place) of the turning points of a run, from its beginning."""
    speed, far_m, side = rng.uniform(0.8, 1.5), rng.uniform(3.0, 5.0), rng.choice([-1.0, 1.0])
    waits_s, rests_s = rng.uniform(0.5, 3.0), rng.uniform(1.0, 4.0)
    if kind == "still":
        place_m = side * rng.uniform(0.9, 3.0)
        return [(0.0, place_m), (12.0, place_m)]
    if kind == "near":
        times_s = np.cumsum([0.0, *rng.uniform(1.0, 2.0, 8)])
        return list(zip(times_s.tolist(), (side * rng.uniform(1.0, 3.5, 9)).tolist(), strict=True))
    begins_m = far_m if kind == "out" else -far_m if kind == "in" else side * far_m
    stops = [-begins_m]
    if kind == "back":
        stops = [side * rng.uniform(0.45, 1.2), begins_m]
    way = [(0.0, begins_m), (waits_s, begins_m)]
    for place_m in stops:
        arrives_s = way[-1][0] + abs(place_m - way[-1][1]) / speed
        way += [(arrives_s, place_m), (arrives_s + rests_s, place_m)]
    return way


def _fading(rng: np.random.Generator, rows: int) -> Floats:
    """Rows of fading along the way, alike over a hand's breadth."""
    cells = round(2 * REACH_M / GRID_M)
    reach = round(3 * FADES_OVER_M / GRID_M)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * GRID_M / FADES_OVER_M) ** 2)
    kernel *= FADING_DB / np.sqrt((kernel**2).sum())
    white = rng.normal(size=(rows, cells))
    return np.stack([np.convolve(row, kernel, "same") for row in white])
