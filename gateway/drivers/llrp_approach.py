"""Ways to a connection with a reader: we dial it, or it dials us.

Both are begun, ticked, and closed alike, and hand over a connected socket or say why there is none.
"""

from __future__ import annotations

import errno
import logging
import os
import selectors
import socket
from collections import deque
from collections.abc import Callable
from typing import Protocol

from gateway.drivers import llrp_dial
from gateway.drivers.llrp_connection import Ended
from gateway.drivers.llrp_dial import Address, Lookup
from gateway.model.device import ReaderState

logger = logging.getLogger(__name__)

#: A dial is given up after this.
DIAL_S = 5.0
#: A dial that has gone unanswered for this long does not hold up the dials of others.
PROMPT_S = 1.0

NEVER_US = 1 << 62

#: A connected socket, and when.
Connected = Callable[[socket.socket, int], None]
#: Why there is none, and when.
Failed = Callable[[Ended, int], None]


class Approach(Protocol):
    """One way to a connection."""

    where: str  # the address, as people write it
    begins: str  # what is going on after `begin`, in words
    again: str  # what happens after a failure, in words

    def begin(self, now_us: int) -> None:
        """Try to get a connection."""

    def tick(self, now_us: int) -> None:
        """See to what is due."""

    def due_us(self, now_us: int) -> int:
        """When `tick` has something to do."""

    def is_prompt(self, now_us: int) -> bool:
        """Whether a handshake may be about to begin."""

    def is_waiting(self) -> bool:
        """Whether it will hand over a socket without being begun again."""

    def close(self) -> None:
        """Stop trying."""


class Dialer:
    """We connect to the reader; its addresses are tried in turn."""

    again = "trying again"

    def __init__(
        self,
        host: str,
        port: int,
        silence_s: float,
        selector: selectors.BaseSelector,
        connected: Connected,
        failed: Failed,
    ) -> None:
        self.where = llrp_dial.shown(host, port)
        self.begins = f"connecting to {self.where}"
        self._host, self._port, self._silence_s = host, port, silence_s
        self._selector, self._connected, self._failed = selector, connected, failed
        self._lookup: Lookup | None = None
        self._is_looking = False
        self._addresses: deque[Address] = deque()  # still to be tried in this attempt
        self._sock: socket.socket | None = None
        self._since_us = 0

    def begin(self, now_us: int) -> None:
        """Find the addresses, in a thread if that may take time, then dial them."""
        self._since_us = now_us
        addresses = llrp_dial.numeric(self._host, self._port)
        if addresses is None:
            # An earlier one that takes its time goes on: never two threads for one reader.
            self._lookup = self._lookup or Lookup(self._host, self._port)
            self._is_looking = True
            return
        self._addresses = deque(addresses)
        self._dial(now_us)

    def tick(self, now_us: int) -> None:
        """Look for the name's addresses; give up a dial that takes too long."""
        overdue = now_us - self._since_us >= DIAL_S * 1e6
        if self._is_looking:
            self._look(now_us, overdue=overdue)
        elif self._sock is not None and overdue:
            self._hang_up()
            self._not_reached(errno.ETIMEDOUT, now_us)

    def due_us(self, now_us: int) -> int:
        """A look-up is looked at in every tick."""
        if self._is_looking:
            return now_us
        return NEVER_US if self._sock is None else self._since_us + round(DIAL_S * 1e6)

    def is_prompt(self, now_us: int) -> bool:
        """Dialing, and not for long."""
        return self._sock is not None and now_us - self._since_us < PROMPT_S * 1e6

    def is_waiting(self) -> bool:
        """Dialing, or about to."""
        return self._sock is not None or self._is_looking

    def close(self) -> None:
        """Hang up."""
        self._is_looking = False
        self._hang_up()

    def _look(self, now_us: int, *, overdue: bool) -> None:
        assert self._lookup is not None
        if self._lookup.addresses is None:
            if overdue:
                self._is_looking = False
                self._give_up("name", f"the name in {self.where} is not being resolved", now_us)
            return
        lookup, self._lookup, self._is_looking = self._lookup, None, False
        if not lookup.addresses:
            reason = f"the name in {self.where} cannot be resolved ({lookup.trouble})"
            self._give_up("name", reason, now_us)
            return
        self._addresses = deque(lookup.addresses or ())
        self._dial(now_us)

    def _dial(self, now_us: int) -> None:
        self._since_us = now_us
        try:
            self._sock = llrp_dial.dial(self._addresses.popleft(), self._silence_s)
        except OSError as error:
            self._not_reached(error.errno or 0, now_us)
        else:
            self._selector.register(self._sock, selectors.EVENT_WRITE, self._on_answer)

    def _on_answer(self, _mask: int, now_us: int) -> None:
        sock, self._sock = self._sock, None
        assert sock is not None
        self._selector.unregister(sock)
        if code := llrp_dial.outcome(sock):
            sock.close()
            self._not_reached(code, now_us)
        else:
            self._connected(sock, now_us)

    def _hang_up(self) -> None:
        if self._sock is not None:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def _not_reached(self, code: int, now_us: int) -> None:
        if self._addresses:
            self._dial(now_us)
        elif code == errno.ECONNREFUSED:
            reason = (
                f"{self.where} refuses the connection: the host is there, but nothing listens; "
                "check the port, and that LLRP is switched on"
            )
            self._give_up("refused", reason, now_us)
        elif code == errno.ETIMEDOUT:
            reason = (
                f"no answer from {self.where} within {DIAL_S:g} s: check power, cable and address"
            )
            self._give_up("absent", reason, now_us)
        else:
            reason = f"{self.where} cannot be reached ({os.strerror(code)})"
            self._give_up("unreachable", reason, now_us)

    def _give_up(self, cause: str, reason: str, now_us: int) -> None:
        self._failed(Ended(ReaderState.DOWN, cause, reason), now_us)


class Listener:
    """The reader connects to us: one connection at a time, as it is one reader."""

    again = "waiting for it to connect again"

    def __init__(
        self,
        host: str,
        port: int,
        silence_s: float,
        selector: selectors.BaseSelector,
        connected: Connected,
        failed: Failed,
    ) -> None:
        self.where = llrp_dial.shown(host or "*", port)
        self.begins = f"waiting for the reader to connect to {self.where}"
        self.is_taken = False  # a connection is open: whoever else comes is turned away
        self._host, self._port, self._silence_s = host or "0.0.0.0", port, silence_s  # noqa: S104
        self._selector, self._connected, self._failed = selector, connected, failed
        self._sock: socket.socket | None = None

    def begin(self, now_us: int) -> None:
        """Listen; a host that is a name is none of ours."""
        if self._sock is not None:
            return
        addresses = llrp_dial.numeric(self._host, self._port)
        if not addresses:
            self._give_up("the host has to be an IP address of this machine", now_us)
            return
        try:
            self._sock = llrp_dial.listen_at(addresses[0])
        except OSError as error:
            self._give_up(error.strerror or str(error), now_us)
            return
        self._selector.register(self._sock, selectors.EVENT_READ, self._on_knock)

    def tick(self, now_us: int) -> None:
        """Nothing is ever due."""

    def due_us(self, now_us: int) -> int:  # noqa: ARG002
        """Never."""
        return NEVER_US

    def is_prompt(self, now_us: int) -> bool:  # noqa: ARG002
        """Readers come when they want; we do not hold others up for it."""
        return False

    def is_waiting(self) -> bool:
        """Listening."""
        return self._sock is not None

    def close(self) -> None:
        """Stop listening."""
        if self._sock is not None:
            self._selector.unregister(self._sock)
            self._sock.close()
            self._sock = None

    def _give_up(self, why: str, now_us: int) -> None:
        reason = f"cannot listen at {self.where} for the reader: {why}"
        self._failed(Ended(ReaderState.FAULTY, "listen", reason), now_us)

    def _on_knock(self, _mask: int, now_us: int) -> None:
        assert self._sock is not None
        try:
            sock, peer = self._sock.accept()
        except OSError:  # it has changed its mind
            return
        if self.is_taken:
            logger.warning(
                "%s connects to %s, where a reader is connected already: it is turned away",
                llrp_dial.shown(peer[0], peer[1]),
                self.where,
            )
            sock.close()
            return
        llrp_dial.tune(sock, self._silence_s)
        self._connected(sock, now_us)
