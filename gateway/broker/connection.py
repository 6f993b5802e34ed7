"""The connection to an MQTT broker: one thread that keeps it up and does all of its I/O.

paho-mqtt encodes and decodes; connecting, waiting and trying again are here, because the gateway
needs what paho does not give: a new client per connection (so nothing of an old one survives:
what was not acknowledged is the outbox's or the broker's to repeat), jittered delays, MQTT 5 with a
fall back to 3.1.1, and words for everything that can be wrong. MQTT 5 is preferred because its
PUBACK can refuse (with 3.1.1 an access list swallows what we publish), because the broker is told
the largest packet that we take, and because it is told when to forget us.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTProtocolVersion

from gateway.backoff import Backoff
from gateway.broker.link import LARGEST_PACKET, LARGEST_WINDOW, Link
from gateway.broker.listener import Listener, cut, tell
from gateway.model.delivery import BrokerConfig

RETRY_FIRST_S, RETRY_MOST_S = 0.5, 10.0
#: A connection that lasted this long was a good one: its loss is answered quickly.
STEADY_S = 5.0
#: Wrong credentials do not mend themselves, and brokers lock out who insists.
REFUSED_S = 30.0

Action = Callable[[Client], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Will:
    """What the broker publishes for us, retained, when we are gone without a word."""

    topic: str
    payload: bytes


class BrokerConnection:
    """Keeps one connection to the broker. Construction does nothing; `start` begins.

    `purpose` tells the gateway's connections apart in the client id. `session`: the broker keeps
    subscriptions and unacknowledged messages while we are away. `largest`: the biggest packet that
    the broker may send. `largest_accepted` and `window` are what the broker takes: octets in a
    packet, unacknowledged messages. While not `connected`, `trouble` says why, and `refused`
    whether that is for our configuration.
    """

    def __init__(
        self,
        config: BrokerConfig,
        listener: Listener,
        *,
        purpose: str,
        session: bool = False,
        will: Will | None = None,
        largest: int = 1 << 16,
    ) -> None:
        self.config = config
        self.listener = listener
        self.client_id = f"{config.client_id}-{purpose}"
        self.session = session
        self.will = will
        self.largest = largest
        self.largest_accepted = LARGEST_PACKET
        self.window = LARGEST_WINDOW
        self.connected = False
        self.refused = False
        self.trouble = f"no MQTT broker has answered at {config.host}:{config.port} yet"
        self.closing = threading.Event()
        self._calls: deque[Action] = deque()
        self._lock = threading.Lock()
        self._wake_fd = -1
        self._thread = threading.Thread(target=self._run, name=f"mqtt-{purpose}", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread.start()

    def call(self, action: Action) -> bool:
        """Have `action(client)` done in the connection's thread; False when nothing is connected.

        When the connection is lost before, it is not done, and `Listener.lost` tells.
        """
        with self._lock:
            if not self.connected:
                return False
            self._calls.append(action)
            os.eventfd_write(self._wake_fd, 1)
            return True

    def reset(self) -> None:
        """Drop this connection and make a new one: what is unacknowledged will come again."""
        self.call(cut)

    def close(self, timeout_s: float = 2.0) -> None:
        """Say goodbye and end the thread; one that hangs in a name look-up is left behind."""
        self.closing.set()
        if self._thread.ident is None:
            return
        self.call(lambda client: client.disconnect())
        self._thread.join(timeout_s)
        if not self._thread.is_alive() and self._wake_fd >= 0:
            os.close(self._wake_fd)
            self._wake_fd = -1

    def set_connected(self, connected: bool) -> None:
        """The link's word on whether calls can be done."""
        with self._lock:
            self.connected = connected
            self._calls.clear()

    def do_calls(self, client: Client) -> None:
        """Do what was asked for since the last time."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake_fd)
        while self._calls:
            tell(self._calls.popleft(), client)

    def _run(self) -> None:
        backoff = Backoff(RETRY_FIRST_S, RETRY_MOST_S)
        protocol = MQTTProtocolVersion.MQTTv5
        while not self.closing.is_set():
            link = Link(self, protocol, self._wake_fd)
            link.run()
            self.refused = link.refused
            self.trouble = link.reason
            self.set_connected(False)
            if self.closing.is_set():
                return
            asked, protocol = protocol, _other(protocol) if link.another_protocol else protocol
            if link.unknown_protocol and asked == MQTTProtocolVersion.MQTTv5:
                continue  # a broker of 3.1.1 says what it is: no trouble
            tell(self.listener.lost, link.reason)
            if time.monotonic() - link.up_since_s > STEADY_S:
                backoff.reset()
            self.closing.wait(REFUSED_S if link.refused else backoff.next_s())


def _other(protocol: MQTTProtocolVersion) -> MQTTProtocolVersion:
    five = MQTTProtocolVersion.MQTTv5
    return MQTTProtocolVersion.MQTTv311 if protocol == five else five
