"""What a gateway is run with in place of hardware: a clock that can be carried over deaths, readers
that tell of a `World`, and a ledger that outlives the process.
"""

from __future__ import annotations

import mmap
import struct
import time
from dataclasses import dataclass, field

from gateway.drivers.base import Driver
from gateway.model.device import DeviceStatus, ReaderState
from gateway.model.outcome import Inputs, Outcome
from gateway.model.tags import TagIndex
from gateway.service import Service
from tests.proof.world import World

_FIELDS = ("seen_us", "committed_us", "begun_us", "ready", "held")


class Ledger:
    """A page of memory that parent and children share; a child that is killed has still written."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE)

    def clear(self, now_us: int) -> None:
        """Before a new life: nothing is committed of it."""
        for name, value in zip(_FIELDS, (now_us, now_us, now_us, 0, 0), strict=True):
            self._set(name, value)

    @property
    def seen_us(self) -> int:
        """The last time that the gateway saw on its clock."""
        return self._get("seen_us")

    @property
    def committed_us(self) -> int:
        """Everything decided up to this time is durable."""
        return self._get("committed_us")

    @property
    def begun_us(self) -> int:
        """When the readers of this life began to tell."""
        return self._get("begun_us")

    @property
    def ready(self) -> bool:
        """Whether this life has said that it is ready."""
        return bool(self._get("ready"))

    @property
    def held(self) -> bool:
        """Whether time has come to a standstill."""
        return bool(self._get("held"))

    def see(self, now_us: int) -> None:
        """The gateway has looked at its clock."""
        self._set("seen_us", max(now_us, self.seen_us))

    def committed(self, outcome: Outcome) -> None:
        """A listener of the service, after each commit."""
        self._set("committed_us", max(outcome.now_us, self.committed_us))

    def begin(self, now_us: int) -> None:
        """The readers of this life begin to tell."""
        self._set("begun_us", now_us)

    def tell_ready(self) -> None:
        """This life is ready."""
        self._set("ready", 1)

    def hold(self) -> None:
        """From now on time stands still, so that what is pending becomes less."""
        self._set("held", 1)

    def _get(self, name: str) -> int:
        value: int = struct.unpack_from("<q", self._memory, 8 * _FIELDS.index(name))[0]
        return value

    def _set(self, name: str, value: int) -> None:
        struct.pack_into("<q", self._memory, 8 * _FIELDS.index(name), value)


class PacedClock:
    """Begins where the parent says, and runs `speed` times as fast as the host's."""

    def __init__(self, ledger: Ledger, begin_us: int, speed: int) -> None:
        self._ledger, self._begin_us, self._speed = ledger, begin_us, speed
        self._begun_ns = time.monotonic_ns()

    def now_us(self) -> int:
        """Microseconds since the Unix epoch, as the world counts them."""
        if self._ledger.held:
            return self._ledger.seen_us
        now_us = self._begin_us + (time.monotonic_ns() - self._begun_ns) * self._speed // 1_000
        self._ledger.see(now_us)
        return now_us


@dataclass(slots=True)
class Feed:
    """The readers of a world: zone n has a reader and an antenna of its own."""

    world: World
    ledger: Ledger
    readers: tuple[str, ...] = ()
    tags: TagIndex = field(default_factory=TagIndex)
    _begun_us: int | None = None
    _told_upto_us: int = 0

    def start(self) -> None:
        """Nothing to connect."""

    def drain(self, inputs: Inputs, now_us: int) -> None:
        """Everything that the tags have been read since the last time."""
        if self._begun_us is None:
            self._begun_us = self._told_upto_us = now_us
            self.ledger.begin(now_us)
            inputs.statuses += [
                DeviceStatus(reader=reader, state=ReaderState.UP, reason="up", time_us=now_us)
                for reader in self.readers
            ]
        in_view = [self._begun_us] * self.world.zones
        reads = self.world.reads(self.tags, self._told_upto_us, now_us, in_view)
        self._told_upto_us = now_us
        if len(reads):
            inputs.reads.append(reads)

    def close(self) -> None:
        """Nothing to let go."""


@dataclass(slots=True)
class ProvenService(Service):
    """The service, with the readers of a world in place of its devices."""

    feed: Feed | None = None

    def _drivers(self, tags: TagIndex) -> list[Driver]:
        assert self.feed is not None
        self.feed.tags = tags
        self.feed.readers = tuple(reader.id for reader in self.configuration.readers)
        return [self.feed]
