"""One life of a simulated gateway: from its start to its end, or its sudden death.

What in the daemon runs in threads of its own is directed here, step by step: the same code, and
one order of events for a seed.
"""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from gateway.clock import SystemClock
from gateway.core import Core
from gateway.location import epochs
from gateway.model.delivery import Record
from gateway.model.device import DeviceStatus, ReaderState
from gateway.model.outcome import Inputs, Outcome
from gateway.model.place import Antenna, Site, Zone
from gateway.model.tags import TagIndex
from gateway.outbox.dispatcher import Dispatcher, Sleep
from gateway.outbox.queue import Queue
from gateway.store import writer as writer_module
from gateway.store.cursors import Joining
from gateway.store.database import Store, open_store
from gateway.store.operations import Operation
from gateway.store.queries import Page
from gateway.store.writer import Writer
from tests.proof.sinks import FickleSink
from tests.proof.troubles import Trouble
from tests.proof.world import World

COMMIT_S = 20.0
#: Turns of the event loop in which a dispatcher gets on, if it can.
TURNS = 15


@contextmanager
def directed() -> Iterator[None]:
    """The writer does not wait for the host's clock, neither to form groups nor to try again.

    What it would log of the troubles that it is given is not of interest. Slow timers look every
    ten seconds, where they look each second in the daemon: that is most of what an hour takes.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logging.root.manager, "disable", logging.CRITICAL)
        patch.setattr(epochs, "EPOCHS_PER_TIMER", 100)
        patch.setattr(writer_module, "GROUP_S", 0.0)
        patch.setattr(writer_module, "RETRY_FIRST_S", 0.001)
        patch.setattr(writer_module, "RETRY_MOST_S", 0.001)
        yield


@dataclass(slots=True)
class Surroundings:
    """What is there before the gateway and after it: time, the host, its disk, the readers."""

    folder: Path
    true_us: int
    zones: int
    readers_ahead_us: Sequence[int]  # of true time, by zone
    host_ahead_us: int = 0
    steps: int = 0
    disk_broken_until_us: int = 0
    reader_down_until_us: dict[int, int] = field(default_factory=dict)
    stores: int = 0

    @property
    def disk_broken(self) -> bool:
        """Whether the disk takes nothing."""
        return self.true_us < self.disk_broken_until_us

    def reader_up(self, zone: int) -> bool:
        """Whether the reader of a zone works."""
        return self.true_us >= self.reader_down_until_us.get(zone, 0)

    def meet(self, trouble: Trouble) -> None:
        """Something goes wrong around the gateway."""
        if trouble.kind == "reader":
            self.reader_down_until_us[trouble.which] = trouble.until_us
        elif trouble.kind == "clock":
            self.host_ahead_us += trouble.step_us
            self.steps += 1
        elif trouble.kind == "disk":
            self.disk_broken_until_us = trouble.until_us

    def heal(self) -> None:
        """Nothing is wrong any more."""
        self.disk_broken_until_us = 0
        self.reader_down_until_us.clear()


class Life:
    """Core, store, writer and dispatchers as the service puts them together."""

    def __init__(
        self,
        around: Surroundings,
        world: World,
        zone_ids: Sequence[str],
        decided_us: dict[str, int],
    ) -> None:
        self._doomed = False
        self._unsure = False  # whether something has been submitted that may not be durable yet
        self._around, self._world = around, world
        self._clock = SystemClock(
            monotonic_ns=lambda: around.true_us * 1_000,
            host_ns=lambda: (around.true_us + around.host_ahead_us) * 1_000,
        )
        self._path = around.folder / f"{around.stores}" / "state.db"
        self._store = open_store(self._path)
        self._disk = _Disk(self._store, around)
        self._tags = TagIndex()
        self._core = Core(_site(zone_ids), self._tags)
        self._core.restore(self._store.load_tags(), self._clock.now_us())
        self._decided_us, self._ticked_us = decided_us, {0: 0}
        self._writer = Writer(self._store, self._committed)
        self._prompt = _Prompt(self._writer, around)
        self._queue = _Directed(self._store, cast("Writer", self._prompt), self._clock)
        self._delivery: asyncio.Task[None] | None = None
        self._dispatchers: list[Dispatcher] = []
        self._told_upto_us = around.true_us
        self._up_since_us: list[int | None] = [None] * around.zones
        self._watched: list[tuple[int, int, int]] = []
        self._kept_upto_us = around.true_us

    def begin(self, sinks: Sequence[FickleSink], sleep: Sleep, rng: random.Random) -> None:
        """Start the writer and the dispatchers, who may have to wait for the disk."""
        self._writer.start()
        self._delivery = asyncio.create_task(self._deliver(sinks, sleep, rng))

    async def _deliver(self, sinks: Sequence[FickleSink], sleep: Sleep, rng: random.Random) -> None:
        cursors = await self._queue.join([Joining(name=s.name, kinds=s.kinds) for s in sinks])
        async with asyncio.TaskGroup() as group:
            for sink in sinks:
                own = random.Random(rng.random())
                dispatcher = Dispatcher(self._queue, sink, cursors[sink.name], sleep=sleep, rng=own)
                self._dispatchers.append(dispatcher)
                group.create_task(dispatcher.run())

    def doom(self) -> None:
        """From now on nothing that is decided or delivered gets to the disk."""
        self._doomed = self._disk.fail = self._prompt.forgets = True

    def tick(self) -> bool:
        """What the core thread does, and then the store's; whether there is more to deliver."""
        now_us, around = self._clock.now_us(), self._around
        inputs = Inputs()
        self._follow_readers(inputs, now_us)
        reads = self._world.reads(self._tags, self._told_upto_us, around.true_us, self._up_since_us)
        self._told_upto_us = around.true_us
        if len(reads):
            ahead_us = np.array(around.readers_ahead_us)[reads["antenna"]]
            reads["at_us"] += now_us - around.true_us
            reads["time_us"] += ahead_us
            reads["first_us"] += ahead_us
            inputs.reads.append(reads)
        outcome = self._core.tick(inputs, now_us)
        self._ticked_us[outcome.number] = around.true_us
        if self._doomed:
            return False
        if outcome.durable:
            self._unsure = True
            self._writer.submit(outcome)
        if around.disk_broken:
            self._unsure = True
            return False
        news = self._unsure
        if news:
            self._writer.run_soon(lambda _: None).result(COMMIT_S)
            self._unsure = False
            for dispatcher in self._dispatchers:
                dispatcher.wake()
        self._kept_upto_us = around.true_us
        return news

    async def settle_down(self, sleeping: Callable[[], int]) -> None:
        """Let the dispatchers get on until each waits: for records, for time, or for the disk."""
        while True:
            before = self._queue.steps, sleeping()
            for _ in range(TURNS):
                await asyncio.sleep(0)
            if (self._queue.steps, sleeping()) == before:
                return

    async def end(self, *, sudden: bool) -> list[tuple[int, int, int]]:
        """End in good order, or die; gives in which spans each zone was watched, and kept."""
        for zone in range(self._around.zones):
            self._close_span(zone)
        if not sudden:
            self._around.disk_broken_until_us = 0
            self._writer.run_soon(lambda _: None).result(COMMIT_S)
            self._kept_upto_us = self._around.true_us
        assert self._delivery is not None
        self._delivery.cancel()
        with suppress(asyncio.CancelledError):
            await self._delivery
        if sudden:
            self._leave_behind()
        self._writer.stop(0.0 if sudden else COMMIT_S)
        self._queue.close()
        self._disk.restore()
        self._store.close()
        return [(z, s, min(u, self._kept_upto_us)) for z, s, u in self._watched]

    def _leave_behind(self) -> None:
        """What the disk holds at this moment is what the next life finds."""
        self._around.stores += 1
        place = self._around.folder / f"{self._around.stores}"
        place.mkdir()
        for suffix in ("", "-wal"):
            part = self._path.with_name(self._path.name + suffix)
            if part.exists():
                shutil.copyfile(part, place / part.name)

    def _follow_readers(self, inputs: Inputs, now_us: int) -> None:
        around = self._around
        for zone in range(around.zones):
            up, was_up = around.reader_up(zone), self._up_since_us[zone] is not None
            if up == was_up and len(self._ticked_us) > 1:
                continue
            if was_up and not up:
                self._close_span(zone)
            self._up_since_us[zone] = self._told_upto_us if up else None
            inputs.statuses.append(DeviceStatus(
                reader=f"r{zone}", state=ReaderState.UP if up else ReaderState.DOWN,
                reason="as it happens",
                # Before the reads of this tick, as it happened: the core takes things in the order
                # of their arrival.
                time_us=now_us - (around.true_us - self._told_upto_us),
                clock_offset_us=around.readers_ahead_us[zone] - (now_us - around.true_us),
            ))  # fmt: skip

    def _close_span(self, zone: int) -> None:
        since_us = self._up_since_us[zone]
        if since_us is not None:
            self._watched.append((zone, since_us, self._told_upto_us))

    def _committed(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            for movement in outcome.movements:
                self._decided_us.setdefault(movement.id, self._ticked_us[outcome.number])


class _Disk:
    """The store's way to its disk, which may take nothing for a while."""

    def __init__(self, store: Store, around: Surroundings) -> None:
        self.fail = False
        self._store, self._around, self._plain = store, around, store.writing
        store.writing = cast("sqlite3.Connection", self)

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        """As the connection does, but for what a full disk says."""
        if sql == "COMMIT" and (self.fail or self._around.disk_broken):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return self._plain.execute(sql, *arguments)

    def restore(self) -> None:
        """The connection itself again."""
        self._store.writing = self._plain

    def __getattr__(self, name: str) -> Any:
        return getattr(self._plain, name)


class _Prompt:
    """The writer as a queue sees it: what it is asked for is done at once, if the disk is there.

    What is forgotten is never done: the gateway dies before.
    """

    def __init__(self, writer: Writer, around: Surroundings) -> None:
        self.forgets = False
        self._writer, self._around = writer, around

    @property
    def newest(self) -> int:
        return self._writer.newest

    def run_soon(self, operation: Operation) -> Future[Any]:
        if self.forgets:
            return Future()
        future = self._writer.run_soon(operation)
        if not self._around.disk_broken:
            wait([future], COMMIT_S)
        return future

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)


class _Directed(Queue):
    """A queue whose reading needs no thread, and which counts how it is used."""

    steps = 0

    async def page(self, sink: str, after: int, kinds: frozenset[str], limit: int) -> Page:
        self.steps += 1
        return self._page(sink, after, kinds, limit)

    async def wanted_again(self, sink: str, limit: int) -> list[Record]:
        return self._wanted_again(sink, limit)

    async def settle(self, sink: str, upto: int, rejected: Mapping[Record, str]) -> None:
        self.steps += 1
        await super().settle(sink, upto, rejected)
        self.steps += 1


def _site(zone_ids: Sequence[str]) -> Site:
    return Site(
        id="days",
        zones=tuple(Zone(id=zone, missing_after_s=600.0) for zone in zone_ids),
        antennas=tuple(
            Antenna(reader=f"r{number}", port=1, zones=(zone,))
            for number, zone in enumerate(zone_ids)
        ),
    )
