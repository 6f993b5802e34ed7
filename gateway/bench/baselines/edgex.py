"""The mobility profile of EdgeX's RFID inventory service (and of Intel's RSP before it).

A tag is at one antenna. It stays there unless the mean of its last 20 powers at another antenna,
where it has at least two, exceeds the mean of its last 20 at its own by an offset that falls with
the time since it was last read at its own. Nothing ages out of those means.

Defaults of EdgeX: 6 dB, held for 500 ms, then falling by 0.008 dB each ms. Antennas are given the
zone that they watch as alias, so that moves between antennas of one zone are none, as EdgeX does
it. That a tag departs after 600 s of silence is left out: it would only cost accuracy here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gateway.bench.baselines.places import Places
from gateway.bench.calls import Call
from gateway.model.place import Site
from gateway.model.reads import NO_RSSI_CDBM, Reads

SAMPLES = 20
LEAST_SAMPLES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How much stronger another antenna must be."""

    threshold_db: float = 6.0
    holdoff_ms: float = 500.0
    slope_db_per_ms: float = -0.008

    def offset_db(self, silent_ms: float) -> float:
        """The margin, when a tag was last read at its own antenna `silent_ms` ago."""
        falling = self.slope_db_per_ms * (silent_ms - self.holdoff_ms) + self.threshold_db
        return min(self.threshold_db, falling)


@dataclass(slots=True)
class _Stats:
    """The last powers of one tag at one antenna, in 1/100 dBm."""

    last_us: int = 0
    total: int = 0
    powers: deque[int] = field(default_factory=deque)

    def add(self, power: int, time_us: int) -> None:
        self.last_us = time_us
        if power == NO_RSSI_CDBM:
            return
        self.powers.append(power)
        self.total += power
        if len(self.powers) > SAMPLES:
            self.total -= self.powers.popleft()

    @property
    def mean_dbm(self) -> float:
        return self.total / len(self.powers) / 100


class EdgeX:
    """Tags at antennas, by the profile."""

    def __init__(self, site: Site, profile: Profile | None = None) -> None:
        self._places, self._profile = Places(site), profile or Profile()
        self._antenna: dict[int, int] = {}
        self._stats: dict[tuple[int, int], _Stats] = {}

    def feed(self, reads: Reads, to_us: int) -> list[Call]:  # noqa: ARG002 - time alone says nothing
        """Take the reads of a stretch of event time."""
        places, calls = self._places, list[Call]()
        columns = (reads[name].tolist() for name in ("tag", "antenna", "time_us", "rssi_cdbm"))
        for tag, antenna, time_us, power in zip(*columns, strict=True):
            stats = self._stats.get((tag, antenna))
            if stats is None:
                stats = self._stats[tag, antenna] = _Stats()
            stats.add(power, time_us)
            own = self._antenna.get(tag)
            if own == antenna or (own is not None and not self._leaves(tag, own, stats, time_us)):
                continue
            self._antenna[tag] = antenna
            before = None if own is None else places.zone[own]
            if places.zone[antenna] != before:
                zone, door = places.zone[antenna], places.door[antenna]
                calls.append(places.call(tag, before, zone, door, time_us, time_us))
        return calls

    def _leaves(self, tag: int, own: int, there: _Stats, time_us: int) -> bool:
        here = self._stats[tag, own]
        if not here.powers:
            return True
        if len(there.powers) < LEAST_SAMPLES:
            return False
        offset_db = self._profile.offset_db((time_us - here.last_us) / 1000)
        return there.mean_dbm > here.mean_dbm + offset_db
