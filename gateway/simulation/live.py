"""A simulated warehouse in real time: reads through emulated readers, sensors, the truth."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import BinaryIO

import numpy as np
import orjson

from gateway.clock import Clock, SystemClock
from gateway.model.device import ReaderConfig
from gateway.simulation.epc_table import EpcTable
from gateway.simulation.faults import FaultEvent
from gateway.simulation.personality import GENERIC, IMPINJ, IMPINJ_PEN
from gateway.simulation.reader import EmulatedReader
from gateway.simulation.truth import dated
from gateway.simulation.warehouse import Batch, World

STEP_S = 0.02
#: How long the warehouse waits for somebody to read before it starts to work.
PATIENCE_S = 10.0


def emulated_readers(world: World, configs: Sequence[ReaderConfig]) -> dict[str, EmulatedReader]:
    """One reader for each reader of the world's site, each what its profile says it is."""
    epcs = EpcTable(world.population.epcs)
    profiles = {config.id: config.profile for config in configs}
    readers = {}
    for name in world.site.readers:
        profile = profiles.get(name)
        is_impinj = profile is not None and profile.vendor_pen == IMPINJ_PEN
        kind = IMPINJ if is_impinj else GENERIC
        ports = [a.port for a in world.site.antennas if a.reader == name]
        kind = dataclasses.replace(kind, antennas=max(kind.antennas, *ports))
        readers[name] = EmulatedReader(name, epcs, personality=kind)
    return readers


class LiveWarehouse:
    """Runs a world beside the host's clock, `speed` times as fast.

    `readers` has one emulated reader for each reader of the site, with the EPCs of `world.tags`.
    Times that leave it (stamps of reads, truth) are the host's, or off by what a reader's clock is;
    the world's own time starts at 0. Faults happen to the emulated readers: one that is down does
    not listen, a cable that breaks is told by an event, and what is not told is just not read.
    """

    def __init__(
        self,
        world: World,
        readers: Mapping[str, EmulatedReader],
        *,
        publish: Callable[[str, bool], None] | None = None,
        truth: BinaryIO | None = None,
        speed: float = 1.0,
        clock: Clock | None = None,
    ) -> None:
        self._world, self._readers = world, dict(readers)
        self._publish, self._truth, self._speed = publish, truth, speed
        self._clock = clock or SystemClock()
        antennas = world.site.antennas
        self._ports = np.array([a.port for a in antennas], dtype=np.uint16)
        order = list(self._readers)
        self._owner = np.array([order.index(a.reader) for a in antennas], dtype=np.int64)

    async def run(self) -> None:
        """Wait for clients, at most ten seconds, then let the world go on until cancelled."""
        await self._clients()
        start_us = self._clock.now_us()
        while True:
            elapsed_us = int((self._clock.now_us() - start_us) * self._speed)
            batch = self._world.happen(elapsed_us)
            for name, clock in self._world.clocks.items():
                self._readers[name].clock_ahead_us = int(clock.ahead_us(elapsed_us))
            self._give_out(batch, start_us)
            for fault in batch.faults:
                await self._act_out(fault)
            await asyncio.sleep(STEP_S)

    async def _clients(self) -> None:
        loop = asyncio.get_running_loop()
        ends_at_s = loop.time() + PATIENCE_S
        while loop.time() < ends_at_s:
            if all(reader.inventorying for reader in self._readers.values()):
                return
            await asyncio.sleep(STEP_S)

    def _give_out(self, batch: Batch, start_us: int) -> None:
        reads = batch.reads.copy()
        for name in ("time_us", "first_us", "at_us"):
            reads[name] = start_us + reads[name] / self._speed
        owner = self._owner[reads["antenna"]]
        reads["antenna"] = self._ports[reads["antenna"]]
        for number, reader in enumerate(self._readers.values()):
            reader.offer(reads[owner == number])
        if self._publish is not None:
            for event in batch.sensors:
                self._publish(event.sensor, event.value)
        if self._truth is not None and batch.truth:
            for fact in batch.truth:
                self._truth.write(orjson.dumps(dated(fact, start_us, self._speed)) + b"\n")
            self._truth.flush()

    async def _act_out(self, fault: FaultEvent) -> None:
        """Let a fault happen to its reader, as far as anybody can notice it."""
        reader = self._readers[fault.reader]
        if not fault.told:
            return
        if fault.port is not None:
            reader.set_antenna(fault.port, not fault.begins)
        elif fault.begins:
            await reader.close()
        else:
            await reader.listen_again()
