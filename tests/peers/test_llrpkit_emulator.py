"""llrpkit's emulator, unpatched, as a reader for our driver.

It deviates from the standard in three ways that readers in the field may as well: an ERROR_MESSAGE
answers ENABLE_EVENTS_AND_REPORTS, DELETE_ROSPEC with id 0 is refused, and a ROSpec does not start
by itself, whatever its start trigger says.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import numpy as np
import pytest

from gateway.clock import SystemClock
from gateway.drivers.base import DriverContext
from gateway.drivers.llrp import LlrpReaders
from gateway.llrp.configuration import ROSPEC_ID
from gateway.model.device import DeviceStatus, ReaderConfig, ReaderPort, ReaderProfile, ReaderState
from gateway.model.outcome import Inputs
from gateway.model.place import Antenna, Site, Zone
from gateway.model.reads import READ
from gateway.model.tags import TagIndex

core = pytest.importorskip("llrpkit.emulator.core", reason="llrpkit is not installed")

T = TypeVar("T")
PATIENCE_S = 15.0
TAGS = 40
PORTS = (1, 2, 3, 4)


class Peer:
    """The emulator in an event loop of its own thread."""

    def __init__(self, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="emulator")
        self._thread.start()
        tags = core.default_population(TAGS, len(PORTS))
        self.emulator = core.LLRPEmulator(port=0, tags=tags, **{"reads_per_sec": 200.0, **options})
        self.call(self.emulator.start())

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the emulator's loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)

    def close(self) -> None:
        """Stop it, and its thread."""
        self.call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_S)
        self._loop.close()

    async def _stop(self) -> None:
        await self.emulator.stop()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


class Gateway:
    """A driver with one reader, and what it has handed over."""

    def __init__(self, port: int, **changes: Any) -> None:
        self.clock, self.tags = SystemClock(), TagIndex()
        self.statuses: list[DeviceStatus] = []
        self.reads = np.zeros(0, READ)
        config = ReaderConfig(
            **{
                "id": "dock",
                "host": "127.0.0.1",
                "port": port,
                "ports": tuple(ReaderPort(port=n) for n in PORTS),
                "profile": ReaderProfile(keepalive_s=0.5),
                **changes,
            }
        )
        site = Site(
            id="test",
            zones=(Zone(id="here"),),
            antennas=tuple(Antenna(reader="dock", port=n, zones=("here",)) for n in PORTS),
        )
        self.driver = LlrpReaders(
            DriverContext(site=site, tags=self.tags, clock=self.clock, readers=(config,))
        )
        self.driver.start()

    def until(self, condition: Callable[[], object]) -> None:
        """Drain every 20 ms until the condition holds."""
        ends_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < ends_s, self.statuses
            inputs = Inputs()
            self.driver.drain(inputs, self.clock.now_us())
            self.statuses += inputs.statuses
            self.reads = np.concatenate((self.reads, *inputs.reads))
            time.sleep(0.02)

    def states(self) -> list[ReaderState]:
        """What was told of the reader."""
        return [status.state for status in self.statuses if status.port is None]

    def is_up(self) -> bool:
        """Whether it was last told as up."""
        return self.states()[-1:] == [ReaderState.UP]


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@contextlib.contextmanager
def gateway(peer: Peer, **changes: Any) -> Iterator[Gateway]:
    """A driver for the emulator."""
    table = Gateway(peer.emulator.port, **changes)
    try:
        yield table
    finally:
        table.driver.close()


def test_reads_arrive_and_are_the_emulators_tags(peer: Peer) -> None:
    with gateway(peer) as table:
        begun_us = table.clock.now_us()
        table.until(lambda: len(table.reads) >= 200)
    assert table.states() == [ReaderState.CONNECTING, ReaderState.UP]
    assert "Impinj model 700" in table.statuses[-1].reason
    known = {tag.epc for tag in peer.emulator.tags}
    assert {table.tags.epc(int(n)) for n in table.reads["tag"]} <= known
    assert set(table.reads["antenna"].tolist()) == {0, 1, 2, 3}
    assert ((table.reads["rssi_cdbm"] > -8_000) & (table.reads["rssi_cdbm"] < -3_000)).all()
    assert (table.reads["time_us"] >= begun_us).all()
    assert (table.reads["time_us"] <= table.reads["at_us"]).all()
    assert table.driver.counters["dock"]["undecodable"] == 0
    assert table.driver.counters["dock"]["skipped"] == 0


def test_takeover_copes_with_a_refused_deletion_of_everything(peer: Peer) -> None:
    with gateway(peer, takeover=True) as table:
        table.until(lambda: len(table.reads) >= 10)
    assert table.is_up()


def test_vendor_extensions_bring_phase_and_fine_power(peer: Peer) -> None:
    profile = ReaderProfile(
        keepalive_s=0.5, report_phase=True, report_rssi_centi=True, search_mode=2, mode_index=2
    )
    with gateway(peer, profile=profile) as table:
        table.until(lambda: len(table.reads) >= 50)
    phases = table.reads["phase_rad"]
    assert ((phases >= 0) & (phases < math.tau)).all()
    assert (table.reads["rssi_cdbm"] % 100 != 0).any()


def test_keepalives_are_answered(peer: Peer) -> None:
    with gateway(peer) as table:
        table.until(lambda: peer.emulator.keepalive_acks >= 4)
        assert table.driver.counters["dock"]["keepalives"] >= 4


def test_an_antenna_that_is_disconnected_is_told(peer: Peer) -> None:
    with gateway(peer) as table:
        table.until(lambda: len(table.reads) >= 10)
        peer.call(peer.emulator.set_antenna_connected(2, False))
        table.until(lambda: any(status.port == 2 for status in table.statuses))
        assert not table.statuses[-1].up
        peer.call(peer.emulator.set_antenna_connected(2, True))
        table.until(lambda: table.statuses[-1].port == 2 and table.statuses[-1].up)


def test_a_taken_reader_is_occupied_until_it_is_free(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.llrp.session_backoff.OCCUPIED_WAIT_S", (0.2, 0.4))
    with socket.create_connection(("127.0.0.1", peer.emulator.port)) as other:
        assert other.recv(1)
        with gateway(peer) as table:
            table.until(lambda: ReaderState.OCCUPIED in table.states())
            assert "serves another client" in table.statuses[-1].reason
            other.close()
            table.until(table.is_up)
            table.until(lambda: len(table.reads) >= 10)
    assert table.states() == [ReaderState.CONNECTING, ReaderState.OCCUPIED, ReaderState.UP]


def test_a_reader_that_restarts_is_found_again(peer: Peer) -> None:
    with gateway(peer) as table:
        table.until(table.is_up)
        peer.call(peer.emulator.stop())
        table.until(lambda: ReaderState.DOWN in table.states())
        peer.call(peer.emulator.start())
        table.until(table.is_up)
        rows = len(table.reads)
        table.until(lambda: len(table.reads) > rows)


def test_a_request_that_is_swallowed_is_noticed_and_tried_again(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llrpkit.protocol import messages

    monkeypatch.setattr("gateway.llrp.session.REPLY_S", 0.3)
    peer.emulator.drop_next(messages.ADD_ROSPEC)
    with gateway(peer) as table:
        table.until(table.is_up)
    assert table.states() == [ReaderState.CONNECTING, ReaderState.DOWN, ReaderState.UP]
    assert "ADD_ROSPEC was not answered" in table.statuses[1].reason


def test_leaving_takes_the_rospec_with_it(peer: Peer) -> None:
    with gateway(peer) as table:
        table.until(table.is_up)
        assert ROSPEC_ID in peer.emulator._rospecs
    assert peer.emulator._rospecs == {}
