"""Inventory: how one reader spends its time — antenna by antenna, channel by channel, tag by tag.

Time is cut into slices of at most 50 ms, within which antenna, channel and positions are constant.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gateway.simulation.scenario import RadioModel

Ints = npt.NDArray[np.int64]

SLICE_US = 50_000
#: How long an inventoried flag of session 1 lasts.
FLAG_US = (500_000, 5_000_000)


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
    """Which of the tags in the field a reader reads, and when; flags are kept per tag."""

    def __init__(self, tags: int, model: RadioModel, rng: np.random.Generator) -> None:
        self._rng = rng
        self._per_s = model.inventory_per_s
        self._overhead_s = model.round_overhead_ms / 1e3
        self._silences = model.single_target and model.session > 0
        self._silent_until_us = np.zeros(tags, dtype=np.int64)
        self._flag_us = rng.integers(*FLAG_US, size=tags)

    def read(self, energised: Ints, cut: Slice) -> tuple[Ints, Ints]:
        """(rows of `energised`, times) in order of time; a row comes once per reading."""
        rows = np.arange(len(energised))
        if self._silences:
            rows = rows[self._silent_until_us[energised] <= cut.start_us]
        if len(rows) == 0:
            return rows, rows
        seconds = (cut.end_us - cut.start_us) / 1e6
        per_s = len(rows) / (self._overhead_s + len(rows) / self._per_s)
        count = int(self._rng.poisson(per_s * seconds))
        if self._silences:
            count = min(count, len(rows))
        # Round after round, each in another order, until the time is over.
        rounds = -(-count // len(rows))
        order = np.concatenate([self._rng.permutation(rows) for _ in range(rounds)] or [rows[:0]])
        order = order[:count]
        times_us = np.sort(self._rng.integers(cut.start_us, cut.end_us, size=count))
        if self._silences:
            read = energised[order]
            self._silent_until_us[read] = times_us + self._flag_us[read]
        return order, times_us
