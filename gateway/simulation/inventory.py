"""Inventory: how one reader spends its time — antenna by antenna, channel by channel, tag by tag.

Time is cut into slices of at most 50 ms, within which antenna, channel and positions are constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.simulation.scenario_parts import RadioModel

Ints = npt.NDArray[np.int64]

SLICE_US = 50_000
#: How long an inventoried flag lasts: after a read in session 1, without power in the others.
PERSISTENCE_US = {
    1: (500_000, 5_000_000),
    2: (2_000_000, 20_000_000),
    3: (2_000_000, 20_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A stretch of time on one antenna and one channel."""

    antenna: int
    start_us: int
    end_us: int
    channel: int  # ChannelIndex, from 1
    frequency_hz: float


class Schedule:
    """The round robin of one reader over its antennas, and its hops over the channels."""

    def __init__(
        self, antennas: tuple[int, ...], model: RadioModel, rng: np.random.Generator
    ) -> None:
        self._antennas = antennas
        self._rng = rng
        self._dwell_us = (round(model.dwell_ms[0] * 1e3), round(model.dwell_ms[1] * 1e3))
        if model.band == "etsi":
            self._frequencies_hz = [865.7e6, 866.3e6, 866.9e6, 867.5e6]
            self._hop_us = (4_000_000, 4_000_000)
        else:
            self._frequencies_hz = [902.75e6 + 0.5e6 * n for n in range(50)]
            self._hop_us = (200_000, 400_000)
        self._hops: list[int] = []
        self._channel = self._next_channel()
        self._turn = -1
        self._now_us = self._dwell_ends_us = 0
        self._hop_ends_us = self._drawn(self._hop_us)

    @property
    def next_us(self) -> int:
        """When the next slice starts."""
        return self._now_us

    def next(self) -> Slice:
        """The next slice; slices follow each other without gaps."""
        if self._now_us >= self._hop_ends_us:
            self._channel = self._next_channel()
            self._hop_ends_us += self._drawn(self._hop_us)
        if self._now_us >= self._dwell_ends_us:
            self._turn = (self._turn + 1) % len(self._antennas)
            self._dwell_ends_us += self._drawn(self._dwell_us)
        start_us = self._now_us
        self._now_us = min(start_us + SLICE_US, self._hop_ends_us, self._dwell_ends_us)
        return Slice(
            antenna=self._antennas[self._turn],
            start_us=start_us,
            end_us=self._now_us,
            channel=self._channel + 1,
            frequency_hz=self._frequencies_hz[self._channel],
        )

    def _next_channel(self) -> int:
        """Every channel once in random order, then again in another."""
        if not self._hops:
            self._hops = self._rng.permutation(len(self._frequencies_hz)).tolist()
        return self._hops.pop()

    def _drawn(self, limits: tuple[int, int]) -> int:
        return int(self._rng.integers(limits[0], limits[1], endpoint=True))


class Singulation:
    """Which of the tags in the field a reader reads, and when.

    `flags` are the tags' own, of the session in use: all readers share them.
    """

    def __init__(self, flags: Flags | None, model: RadioModel, rng: np.random.Generator) -> None:
        self._rng, self._flags = rng, flags
        self._per_s = model.inventory_per_s
        self._overhead_s = model.round_overhead_ms / 1e3
        self._single_target = model.single_target
        self._target = False  # the flag of the tags that are asked now

    def read(self, energised: Ints, cut: Slice) -> tuple[Ints, Ints]:
        """(rows of `energised`, times) in order of time; a row comes once per reading."""
        rows = asked = np.arange(len(energised))
        if self._flags is not None:
            flagged = self._flags.seen(energised, cut.start_us)
            asked = rows[flagged == self._target]
            if not self._single_target and len(asked) == 0 and len(rows):
                self._target, asked = not self._target, rows
        if len(asked) == 0:
            return asked, asked
        per_s = len(asked) / (self._overhead_s + len(asked) / self._per_s)
        count = int(self._rng.poisson(per_s * (cut.end_us - cut.start_us) / 1e6))
        if self._flags is not None and self._single_target:
            count = min(count, len(asked))
        order = self._in_turn(asked, rows, count)
        times_us = np.sort(self._rng.integers(cut.start_us, cut.end_us, size=count))
        if self._flags is not None and count:
            self._flags.read(energised[order], times_us)
            if count > len(asked):
                self._target ^= (count - len(asked) - 1) // len(rows) % 2 == 0
        return order, times_us

    def _in_turn(self, asked: Ints, rows: Ints, count: int) -> Ints:
        """Round after round, each in another order, until the time is over."""
        order = [self._rng.permutation(asked)]
        missing = count - len(asked)
        while missing > 0:
            order.append(self._rng.permutation(rows))
            missing -= len(rows)
        return np.concatenate(order)[:count]


class Flags:
    """The inventoried flags of all tags in session 1, 2 or 3: A until read, then B for a while.

    In session 1 that while is over after 0.5-5 s; in the others it lasts as long as the tag has
    power, and some seconds more. (In session 0 a flag falls back whenever a carrier does: it makes
    no difference between rounds.)
    """

    def __init__(self, tags: int, session: int, rng: np.random.Generator) -> None:
        limits = PERSISTENCE_US[session]
        self._keeps_us = rng.integers(*limits, size=tags, endpoint=True)
        self._by_power = session > 1
        self._is_b = np.zeros(tags, dtype=np.bool_)
        self._since_us = np.zeros(tags, dtype=np.int64)  # it was read, or had power

    def seen(self, tags: Ints, now_us: int) -> npt.NDArray[np.bool_]:
        """Whether the flags of tags that have power now are B."""
        is_b = self._is_b[tags] & (now_us - self._since_us[tags] <= self._keeps_us[tags])
        self._is_b[tags] = is_b
        if self._by_power:
            self._since_us[tags] = now_us
        return is_b

    def read(self, tags: Ints, times_us: Ints) -> None:
        """Tags have been read: each time the flag becomes the other one."""
        np.logical_xor.at(self._is_b, tags, True)
        np.maximum.at(self._since_us, tags, times_us)
