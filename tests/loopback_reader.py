"""Scripted readers behind real sockets, and a driver that runs against them in virtual time.

No threads: the test drains the driver and serves the readers in turn. The clock moves 20 ms a turn,
as in the daemon, however long the turn took, so that waits of seconds cost milliseconds.
"""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable, Iterator

from gateway.clock import ManualClock
from gateway.drivers.base import DriverContext
from gateway.drivers.llrp import LlrpReaders
from gateway.llrp.codec import Message, Parameter, encode
from gateway.model.device import DeviceStatus, ReaderConfig, ReaderPort, ReaderProfile, ReaderState
from gateway.model.outcome import Inputs
from gateway.model.place import Antenna, Site, Zone
from gateway.model.reads import Reads
from gateway.model.tags import TagIndex
from tests.scripted_reader import ScriptedReader, connection_attempt

START_US = 1_732_000_000_000_000
TURN_US = 20_000
#: Real time within which something has to happen.
PATIENCE_S = 20.0

Cut = Callable[[bytes], list[bytes]]


def whole(data: bytes) -> list[bytes]:
    """Bytes as they come."""
    return [data]


def utc_stamp(now_us: int) -> Parameter:
    """A stamp of the reader's clock."""
    return Parameter("UTCTimestamp", {"Microseconds": now_us})


class LoopbackReader:
    """A listening socket on loopback with a `ScriptedReader` behind it, served by hand.

    `greeting` are the first bytes on a connection (None: a successful connection event), `hangs_up`
    closes after them. `cut` decides in which pieces replies are sent.
    """

    def __init__(self, script: ScriptedReader | None = None, host: str = "127.0.0.1") -> None:
        self.script = script or ScriptedReader()
        self.greeting: bytes | None = None
        self.hangs_up = self.is_frozen = False
        self.receive_buffer: int | None = None  # bytes
        self.cut: Cut = whole
        self.now_us = START_US
        self.ahead_us = 0  # of its clock, in the connection event
        self.accepted = 0
        self.host = host
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener: socket.socket | None = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._listener.listen()
        self._listener.setblocking(False)
        self._client: socket.socket | None = None
        self._out: list[bytes] = []

    @property
    def is_connected(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    def serve(self, now_us: int) -> None:
        """Accept, read, answer, send: once, without waiting."""
        self.now_us = now_us
        if self.is_frozen:
            return
        self._accept()
        if self._client is None:
            return
        data = self._receive(self._client)
        if data == b"":
            self.drop()
        elif data and self.greeting is None and (answer := self.script.take(data)):
            self._out += self.cut(answer)
        self._flush()

    def say(self, *messages: Message) -> None:
        """Send messages."""
        self.send(b"".join(map(encode, messages)))

    def send(self, data: bytes) -> None:
        """Send bytes, in the reader's pieces."""
        self._out += self.cut(data)
        self._flush()

    def drop(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None
        self._out.clear()

    def reset(self) -> None:
        """End the connection as a crash does."""
        assert self._client is not None
        self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.drop()

    def close(self) -> None:
        """Close everything."""
        self.drop()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    @staticmethod
    def _receive(client: socket.socket) -> bytes | None:
        """What has come; None for nothing yet, empty for the end."""
        try:
            return client.recv(65_536)
        except BlockingIOError:
            return None
        except ConnectionError:
            return b""

    def _accept(self) -> None:
        if self._listener is None:
            return
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            self.accepted += 1
            self.adopt(client)

    def adopt(self, client: socket.socket) -> None:
        """Begin a connection."""
        self.drop()
        client.setblocking(False)
        # Else small messages wait for delayed acknowledgements, for a long time by this clock.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.receive_buffer is not None:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self._client = client
        self.script.reset_connection()
        self.script.rospecs.clear()
        greeting = self.greeting
        if greeting is None:
            greeting = encode(connection_attempt(stamp=utc_stamp(self.now_us + self.ahead_us)))
        self._out += self.cut(greeting)
        self._flush()
        if self.hangs_up:
            self.drop()

    def _flush(self) -> None:
        """One piece a turn, so that pieces stay pieces."""
        if self._out and self._client is not None:
            with contextlib.suppress(ConnectionError):
                self._client.sendall(self._out.pop(0))


class Bench:
    """A driver with its readers, and everything that it has handed over."""

    def __init__(self) -> None:
        self.clock = ManualClock(START_US)
        self.tags = TagIndex()
        self.readers: dict[str, LoopbackReader] = {}
        self.configs: list[ReaderConfig] = []
        self.reads: list[Reads] = []
        self.statuses: list[DeviceStatus] = []
        self.driver: LlrpReaders | None = None

    def add(self, name: str = "dock-1", **changes: object) -> LoopbackReader:
        """One more reader, behind a socket of its own."""
        reader = LoopbackReader(host=str(changes.pop("listen_host", "127.0.0.1")))
        self.readers[name] = reader
        self.configure(name, **{"host": reader.host, "port": reader.port, **changes})
        return reader

    def configure(self, name: str, **changes: object) -> None:
        """Settings of one more reader."""
        settings: dict[str, object] = {
            "id": name,
            "ports": (ReaderPort(port=1), ReaderPort(port=2)),
            "profile": ReaderProfile(max_version=1),
        }
        self.configs.append(ReaderConfig(**(settings | changes)))  # type: ignore[arg-type]

    def start(self) -> LlrpReaders:
        """Build and start the driver."""
        antennas = tuple(
            Antenna(reader=config.id, port=port.port, zones=("here",))
            for config in self.configs
            for port in config.ports
        )
        site = Site(id="test", zones=(Zone(id="here"),), antennas=antennas)
        context = DriverContext(
            site=site, tags=self.tags, clock=self.clock, readers=tuple(self.configs)
        )
        self.driver = LlrpReaders(context, rng=random.Random(7))
        self.driver.start()
        return self.driver

    def turn(self) -> None:
        """One tick of the daemon, and the readers' part in it."""
        assert self.driver is not None
        self.clock.set_us(self.clock.now_us() + TURN_US)
        inputs = Inputs()
        self.driver.drain(inputs, self.clock.now_us())
        self.reads += inputs.reads
        self.statuses += inputs.statuses
        for reader in self.readers.values():
            reader.serve(self.clock.now_us())

    def until(
        self, condition: Callable[[], object], within_s: float = 60.0, pace_s: float = 0.0
    ) -> None:
        """Turn until the condition holds; `within_s` is the bench's time.

        `pace_s` waits before each turn, where the network needs real time.
        """
        ends_us = self.clock.now_us() + round(within_s * 1e6)
        gives_up_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.clock.now_us() < ends_us, f"not within {within_s} s: {self.statuses[-3:]}"
            assert time.monotonic() < gives_up_s, f"not in time: {self.statuses[-3:]}"
            time.sleep(pace_s)
            self.turn()

    def run(self, seconds: float) -> None:
        """Let time pass."""
        ends_us = self.clock.now_us() + round(seconds * 1e6)
        while self.clock.now_us() < ends_us:
            self.turn()

    def until_state(self, state: ReaderState, name: str = "dock-1", within_s: float = 60.0) -> str:
        """Turn until a reader is in a state; gives the reason."""
        self.until(lambda: self.state(name) is state, within_s)
        return self.reason(name)

    def state(self, name: str = "dock-1") -> ReaderState | None:
        """The state that was told last."""
        told = self.told(name)
        return told[-1].state if told else None

    def reason(self, name: str = "dock-1") -> str:
        """The reason that was told last."""
        return self.told(name)[-1].reason

    def told(self, name: str = "dock-1") -> list[DeviceStatus]:
        """All that was told of a reader, without its antennas."""
        return [s for s in self.statuses if s.reader == name and s.port is None]

    def antennas_told(self, name: str = "dock-1") -> list[tuple[int | None, bool]]:
        """All that was told of a reader's antennas: (port, connected)."""
        return [(s.port, s.up) for s in self.statuses if s.reader == name and s.port is not None]

    def rows(self) -> int:
        """How many reads there are."""
        return sum(map(len, self.reads))

    def close(self) -> None:
        """End the driver, then the readers."""
        if self.driver is not None:
            for reader in self.readers.values():
                reader.close()
            self.driver.close()
        for reader in self.readers.values():
            reader.close()


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """A bench that is cleared up afterwards."""
    table = Bench()
    try:
        yield table
    finally:
        table.close()
