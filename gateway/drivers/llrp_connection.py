"""One open connection to a reader: bytes in and out of its session, bounded in every direction.

Tag reports go to the intake that all readers share; everything else to the session.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from gateway.llrp.errors import FrameError
from gateway.llrp.reports import ReportIntake
from gateway.llrp.session import Session
from gateway.llrp.session_events import Phase
from gateway.model.device import ReaderState

#: Read in pieces of this size (one that needs no memory mapping of its own) …
CHUNK_BYTES = 65_536
#: … and no more of them in one drain than this, so that every reader has its turn.
MOST_BYTES_A_DRAIN = 262_144
#: More messages that are not reports, in one drain: no reader sends so many in earnest.
MOST_MESSAGES_A_DRAIN = 2_000
#: Bytes that wait for a reader that does not take them.
MOST_WAITING_BYTES = 262_144
#: A message has to be complete this long after its first byte.
MESSAGE_S = 10.0
#: Of what is not LLRP, so many bytes are shown.
SHOWN_BYTES = 16


class Ended(Exception):  # noqa: N818 - it is no error of ours
    """The connection is over, or none was got: the state of the reader, a cause, a sentence."""

    def __init__(self, state: ReaderState, cause: str, reason: str) -> None:
        super().__init__(reason)
        self.state, self.cause, self.reason = state, cause, reason


@dataclass(slots=True)
class Traffic:
    """What has gone through the connections to one reader."""

    connects: int = 0
    bytes: int = 0


class Connection:
    """A connected socket and its session. Methods raise `Ended` when it is over; then `close`."""

    def __init__(
        self,
        sock: socket.socket,
        address: str,
        source: int,
        session: Session,
        intake: ReportIntake,
        traffic: Traffic,
    ) -> None:
        self.sock, self.address, self.session = sock, address, session
        self._source, self._intake, self._traffic = source, intake, traffic
        self._first = b""
        self._out = bytearray()
        traffic.connects += 1
        intake.forget(source)

    @property
    def is_blocked(self) -> bool:
        """Whether bytes wait until the reader takes them."""
        return bool(self._out)

    def read(self, now_us: int) -> None:
        """Take in what has arrived, up to the bound; the rest waits for the next drain."""
        taken = messages = 0
        while taken < MOST_BYTES_A_DRAIN:
            try:
                data = self.sock.recv(CHUNK_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                raise self._lost(error) from error
            if not data:
                raise self._hung_up()
            taken += len(data)
            messages += self._feed(data, now_us)
            if messages > MOST_MESSAGES_A_DRAIN:
                raise Ended(
                    ReaderState.FAULTY,
                    "flood",
                    f"{self.address} floods us with messages that are not tag reports "
                    f"({messages:,} at once)",
                )
            if len(data) < CHUNK_BYTES:
                return

    def write(self) -> None:
        """Send what the session has to say, and what has been waiting."""
        self._out += self.session.take_bytes()
        if not self._out:
            return
        try:
            sent = self.sock.send(self._out)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            raise self._lost(error) from error
        del self._out[:sent]
        if len(self._out) > MOST_WAITING_BYTES:
            raise Ended(
                ReaderState.DOWN,
                "stuck",
                f"{self.address} does not take what is sent to it",
            )

    def check(self, now_us: int) -> None:
        """See to what is due without anything having arrived."""
        self.session.tick(now_us)
        since_us = self._intake.partial_since_us(self._source)
        if since_us is not None and now_us - since_us > MESSAGE_S * 1e6:
            raise Ended(
                ReaderState.DOWN,
                "mid-message",
                f"{self.address} began a message {MESSAGE_S:g} s ago and has not completed it",
            )

    def close(self) -> None:
        """Let go of the socket, and of what was left unfinished."""
        self._intake.forget(self._source)
        self.sock.close()

    def _feed(self, data: bytes, now_us: int) -> int:
        """Cut bytes into messages; how many of them were not tag reports."""
        self._traffic.bytes += len(data)
        if len(self._first) < SHOWN_BYTES:
            self._first += data[: SHOWN_BYTES - len(self._first)]
        try:
            frames = self._intake.feed(self._source, data, now_us)
        except FrameError as error:
            raise self._not_llrp(error) from error
        self.session.heard(now_us, reports=sum(map(len, frames)) < len(data))
        for frame in frames:
            self.session.receive(frame, now_us)
        return len(frames)

    def _not_llrp(self, error: FrameError) -> Ended:
        if self.session.phase is not Phase.AWAITING_EVENT:
            return Ended(
                ReaderState.FAULTY,
                "garbage",
                f"what {self.address} sends has stopped being LLRP ({error})",
            )
        return Ended(
            ReaderState.FAULTY,
            "garbage",
            f"{self.address} does not speak LLRP: first bytes {self._first.hex(' ')}; check its "
            "address and port, and that it is in LLRP mode",
        )

    def _hung_up(self) -> Ended:
        if self._intake.partial_since_us(self._source) is not None:
            cause, what = "mid-message", "closed the connection in the middle of a message"
        elif self.session.phase is Phase.AWAITING_EVENT:
            cause, what = "mute", "accepts the connection and closes it without a word"
        else:
            cause, what = "closed", "closed the connection"
        return Ended(ReaderState.DOWN, cause, f"{self.address} {what}")

    def _lost(self, error: OSError) -> Ended:
        middle = ""
        if self._intake.partial_since_us(self._source) is not None:
            middle = " in the middle of a message"
        return Ended(
            ReaderState.DOWN,
            "lost",
            f"the connection to {self.address} was lost{middle} ({error.strerror or error})",
        )
