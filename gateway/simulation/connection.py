"""One TCP connection to an emulated reader: frames in, frames out, keepalives, and its faults."""

from __future__ import annotations

import asyncio
from typing import Protocol

from gateway.llrp.codec import Message, encode
from gateway.llrp.errors import FrameError
from gateway.llrp.framing import Framer

#: A client that does not read has this much waiting for it, then reports are kept instead.
HIGH_WATER_BYTES = 256 * 1024
#: A client that asks and never reads the answers is cut off.
MAX_UNREAD_BYTES = 4 * 1024 * 1024
#: No client sends messages longer than this to a reader.
MAX_FRAME_BYTES = 1024 * 1024
#: So many keepalives without an answer, and the reader takes the link for dead.
LINK_DOWN_AFTER = 3
_CUT_BYTES = 5


class Host(Protocol):
    """What a connection tells its reader."""

    def client_connected(self, connection: Connection) -> None:
        """A TCP connection has been made."""

    def client_lost(self, connection: Connection) -> None:
        """The connection is gone."""

    def client_sent(self, connection: Connection, frame: bytes) -> None:
        """A whole message has come in."""

    def client_reads_again(self, connection: Connection) -> None:
        """There is room for more to be sent."""

    def next_ids(self, count: int) -> int:
        """The first of `count` message ids."""


class Connection(asyncio.Protocol):
    """One client, from accept to close."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._transport: asyncio.Transport | None = None
        self._framer = Framer(MAX_FRAME_BYTES)
        self._keepalive_timer: asyncio.TimerHandle | None = None
        self._keepalive_s = 0.0
        self._truncates = False
        self._writable = True
        self.version = 1
        self.stalled = False
        self.held = False  # reports and events wait for ENABLE_EVENTS_AND_REPORTS
        self.unanswered_keepalives = 0
        self.extensions = False  # the vendor's, once the client has asked for them

    @property
    def ready(self) -> bool:
        """Whether reports may be sent now."""
        return self._writable and not self.held and not self.stalled and self._transport is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The event loop's call."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=HIGH_WATER_BYTES)
        self._transport = transport
        self._host.client_connected(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter
        """The event loop's call."""
        self._transport = None
        self.set_keepalive(0)
        self._host.client_lost(self)

    def data_received(self, data: bytes) -> None:
        """The event loop's call."""
        try:
            frames = self._framer.feed(data)
        except FrameError:
            # After a header that cannot be true there is no telling what the client means.
            self.abort()
            return
        for frame in frames:
            self._host.client_sent(self, frame)

    def pause_writing(self) -> None:
        """The event loop's call."""
        self._writable = False

    def resume_writing(self) -> None:
        """The event loop's call."""
        self._writable = True
        self._host.client_reads_again(self)

    def send(self, message: Message) -> None:
        """Send one message, in the version that has been agreed on."""
        message.version = message.version if message.name == "ERROR_MESSAGE" else self.version
        self.write(encode(message))

    def write(self, frames: bytes) -> None:
        """Send whole messages; nothing comes out of a stalled connection."""
        transport = self._transport
        if transport is None or self.stalled or transport.is_closing():
            return
        if self._truncates:
            self._truncates = False
            transport.write(frames[:-_CUT_BYTES])
            transport.close()
            return
        transport.write(frames)
        if transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            transport.abort()

    def set_keepalive(self, period_ms: int) -> None:
        """Send KEEPALIVE every `period_ms`; 0: none."""
        if self._keepalive_timer is not None:
            self._keepalive_timer.cancel()
            self._keepalive_timer = None
        self._keepalive_s = period_ms / 1000
        self.unanswered_keepalives = 0
        if period_ms:
            self._next_keepalive()

    def keepalive_answered(self) -> None:
        """KEEPALIVE_ACK has come."""
        self.unanswered_keepalives = 0

    def close(self) -> None:
        """Close when everything has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut it off."""
        if self._transport is not None:
            self._transport.abort()

    def stall(self) -> None:
        """Become half-open: neither send nor hear anything more, but stay connected."""
        self.stalled = True
        if self._transport is not None and self._transport.is_reading():
            self._transport.pause_reading()

    def truncate_next(self) -> None:
        """Cut off the next message before its end, and close."""
        self._truncates = True

    def _next_keepalive(self) -> None:
        loop = asyncio.get_running_loop()
        self._keepalive_timer = loop.call_later(self._keepalive_s, self._keepalive)

    def _keepalive(self) -> None:
        if self.unanswered_keepalives >= LINK_DOWN_AFTER:
            self.abort()
            return
        self.unanswered_keepalives += 1
        self.send(Message("KEEPALIVE", self._host.next_ids(1)))
        self._next_keepalive()
