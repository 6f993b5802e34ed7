"""A rack out of a textbook: cartons of eight tags in 24 bins, six antennas before them.

Written to be held against the warehouse simulator, with which it shares nothing but the site: each
tag has fading of its own at each antenna, in blocks of neighbouring channels; cartons stand about
the middle of their bins. Now and then one is moved by somebody whom no antenna sees.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.bench.sites import BEFORE_RACK_M, COLUMN_M, RACK_ANTENNA_HEIGHT_M, columns_of, rack
from gateway.model.outcome import Inputs
from gateway.model.reads import Reads, empty_reads
from gateway.model.tags import TagIndex
from gateway.simulation.recorder import START_US

STEP_US = 50_000
ANTENNAS, LEVELS = 6, 2
LEVEL_M = 1.5
TAGS_PER_CARTON = 8
#: A carton stands so far from the middle of its bin at most, and its tags that far from its own.
ASIDE_M = 0.15
CARTON_HALF_M = np.array([0.25, 0.15, 0.2])
#: Channels in blocks that fade alike, and how long a reader stays on one.
BLOCKS = 8
HOP_STEPS = (4, 9)
#: What tags hear at a metre, before the antenna; a tag answers from about -19 dBm on.
AT_1_M_DBM = 30.0 + 6.0 + 2.0 - 3.0 - 31.7
BEAM_WIDTH_DEG = 65.0
MOST_OFF_BEAM_DB = 19.0
ANSWER_DBM = (-19.0, 1.2)
MODULATION_DB = 6.5
READS_PER_STEP = 12.0
MOVED_EVERY_S, AWAY_S = (20.0, 40.0), (5.0, 10.0)
#: setting of the benchmark → how strong the direct path is there, against all scatter.
K_FACTOR_DB: Mapping[str, float] = {"rack": 5.0, "rack-hard": 0.0}

Fact = dict[str, Any]
Floats = npt.NDArray[np.float64]


class PlainRack:
    """One rack; `run` can be asked once. `k_factor_db` is the direct path against all scatter.

    In a `still` one nothing is ever moved.
    """

    def __init__(
        self,
        seed: int,
        *,
        k_factor_db: float = K_FACTOR_DB["rack"],
        cartons: int = 40,
        still: bool = False,
    ) -> None:
        self._still = still
        self._rng = rng = np.random.default_rng([seed, 1174])
        self.site, self.tags = rack(), TagIndex()
        self._bins = [zone.id for zone in self.site.zones]
        self._column = columns_of(self.site)
        self._k = 10 ** (k_factor_db / 10)
        self._antenna_m = np.array([a.position_m for a in self.site.antennas])
        self._aim_m = np.array([[0.0, BEFORE_RACK_M + 0.6, 1.0 - RACK_ANTENNA_HEIGHT_M]])
        self._bin = rng.permutation(np.arange(cartons) % len(self._bins))
        count = cartons * TAGS_PER_CARTON
        self._epcs = [
            (0x3054 << 80 | (614141 + n // TAGS_PER_CARTON) << 40 | 1_000 + n).to_bytes(12)
            for n in range(count)
        ]
        self._numbers = np.array([self.tags.add(epc) for epc in self._epcs])
        self._offset_m = rng.uniform(-1.0, 1.0, (count, 3)) * CARTON_HALF_M
        self._axis = rng.normal(size=(count, 3))
        self._axis /= np.linalg.norm(self._axis, axis=1, keepdims=True)
        self._loss_db = np.abs(rng.normal(0.0, 3.0, count)) + rng.choice(
            [0.0, 4.0, 8.0], p=[0.6, 0.3, 0.1], size=count
        )
        self._answer_dbm = rng.normal(*ANSWER_DBM, count)
        self._there = np.ones(cartons, dtype=bool)
        self._path_db = np.zeros((count, ANTENNAS))
        self._fades_db = np.zeros((count, ANTENNAS, BLOCKS))
        for carton in range(cartons):
            self._stand(carton)

    def _stand(self, carton: int) -> None:
        """Where the carton's tags are now decides how they are heard until it is moved."""
        rng, rows = self._rng, self._rows(carton)
        zone = self._bins[self._bin[carton]]
        x = (self._column[zone] + 0.5) * COLUMN_M + rng.uniform(-ASIDE_M, ASIDE_M)
        z = (int(zone[-1]) - 1) * LEVEL_M + 0.3
        sight = self._offset_m[rows, None] + [x, self._antenna_m[0, 1] + BEFORE_RACK_M + 0.4, z]
        sight = sight - self._antenna_m
        range_m = np.linalg.norm(sight, axis=2)
        aim = self._aim_m / np.linalg.norm(self._aim_m)
        off_deg = np.degrees(np.arccos((sight * aim).sum(axis=2) / range_m))
        along = np.einsum("tad,td->ta", sight, self._axis[rows]) / range_m
        self._path_db[rows] = (
            -20.0 * np.log10(range_m)
            - np.minimum(12.0 * (off_deg / BEAM_WIDTH_DEG) ** 2, MOST_OFF_BEAM_DB)
            + 10.0 * np.log10(np.maximum(1.0 - along**2, 0.06))
            - self._loss_db[rows, None]
        )
        shape = (len(range_m), ANTENNAS, BLOCKS)
        scatter = rng.normal(size=shape) + 1j * rng.normal(size=shape)
        field = np.sqrt(self._k / (self._k + 1)) + scatter / np.sqrt(2 * (self._k + 1))
        self._fades_db[rows] = 20.0 * np.log10(np.maximum(np.abs(field), 1e-2))

    def _rows(self, carton: int) -> slice:
        return slice(carton * TAGS_PER_CARTON, (carton + 1) * TAGS_PER_CARTON)

    def run(self, seconds: float) -> Iterator[tuple[Inputs, list[Fact]]]:
        """What is read in each 50 ms, and what happened."""
        rng, steps = self._rng, round(seconds * 1e6 / STEP_US)
        facts = [fact for n in range(len(self._there)) for fact in self._facts(n, START_US)]
        block, hop, back, carton = 0, 0, 0.0, -1
        moved = math.inf if self._still else rng.uniform(*MOVED_EVERY_S)
        for step in range(1, steps + 1):
            end_us = START_US + step * STEP_US
            if step >= hop:
                block, hop = int(rng.integers(BLOCKS)), step + int(rng.integers(*HOP_STEPS))
            if carton < 0 and step * STEP_US >= moved * 1e6:
                carton = int(rng.integers(len(self._there)))
                self._there[carton] = False
                back = moved + rng.uniform(*AWAY_S)
                facts.append({"t": end_us, "carton": f"carton-{carton}", "lifted": True})
            if carton >= 0 and step * STEP_US >= back * 1e6:
                self._bin[carton] = int(rng.integers(len(self._bins)))
                self._stand(carton)
                self._there[carton] = True
                facts += self._facts(carton, end_us)
                moved, carton = back + rng.uniform(*MOVED_EVERY_S), -1
            yield Inputs(reads=[self._reads(step % ANTENNAS, block, end_us)]), facts
            facts = []

    def _facts(self, carton: int, time_us: int) -> list[Fact]:
        """It stands in its bin from now on."""
        epcs = [epc.hex().upper() for epc in self._epcs[self._rows(carton)]]
        place = {"t": time_us, "carton": f"carton-{carton}", "zone": self._bins[self._bin[carton]]}
        return [place | {"tags": epcs}, *(place | {"epc": epc} for epc in epcs)]

    def _reads(self, antenna: int, block: int, end_us: int) -> Reads:
        """The reads of one antenna, each tag that answers as likely as any other."""
        rng = self._rng
        at_tag_dbm = AT_1_M_DBM + self._path_db[:, antenna] + self._fades_db[:, antenna, block]
        there = np.repeat(self._there, TAGS_PER_CARTON)
        answer = np.flatnonzero(there & (at_tag_dbm >= self._answer_dbm))
        read = answer[rng.random(len(answer)) < READS_PER_STEP / max(len(answer), READS_PER_STEP)]
        gain_db = at_tag_dbm[read] - 30.0
        dbm = at_tag_dbm[read] + gain_db - MODULATION_DB + rng.normal(0.0, 0.6, len(read))
        reads = empty_reads(len(read))
        reads["time_us"] = np.sort(end_us - rng.integers(0, STEP_US, len(read)))
        reads["first_us"] = reads["at_us"] = reads["time_us"]
        reads["tag"], reads["antenna"], reads["count"] = self._numbers[read], antenna, 1
        reads["rssi_cdbm"] = np.round(dbm * 2) * 50
        reads["phase_rad"] = np.nan
        return reads
