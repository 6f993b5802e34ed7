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
import logging
import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.backoff import Backoff
from gateway.errors import GatewayError
from gateway.model.delivery import BrokerConfig

logger = logging.getLogger(__name__)

KEEPALIVE_S = 15
CONNECT_S = 5.0
#: A CONNACK that takes longer than this will not come.
CONNACK_S = 10.0
#: How long a last publication and the goodbye may take on their way out.
GOODBYE_S = 1.0
RETRY_FIRST_S, RETRY_MOST_S = 0.5, 10.0
#: Wrong credentials do not mend themselves, and brokers lock out who insists.
REFUSED_S = 30.0
#: How long the broker keeps subscriptions and messages for us while we are away (MQTT 5).
SESSION_S = 7 * 86_400
#: The largest packet that MQTT can express.
LARGEST_PACKET = 268_435_460

_UNSUPPORTED_VERSION = 132
#: CONNACK codes that tell of our configuration: bad identifier, credentials, rights, banned.
_CONFIGURATION = frozenset({133, 134, 135, 138, 140})

Action = Callable[[Client], object]


class Listener(Protocol):
    """Who uses a connection; every call comes in the connection's thread."""

    def connected(self, client: Client, session_present: bool) -> None:
        """A connection is up: subscribe, publish what is retained."""

    def lost(self, reason: str) -> None:
        """The connection has ended, or could not be made: one clause for the user."""

    def received(self, client: Client, message: MQTTMessage) -> None:
        """A message came; blocking here holds the broker back."""

    def published(self, mid: int, code: ReasonCode) -> None:
        """The broker has answered a QoS 1 publication, or one of QoS 0 was sent."""

    def subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        """The broker has answered a subscription."""


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
        self.window = 0xFFFF
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
            link = _Link(self, protocol, self._wake_fd)
            link.run()
            self.refused = link.refused
            self.trouble = link.reason
            self.set_connected(False)
            if self.closing.is_set():
                return
            if link.another_protocol:
                protocol = _other(protocol)
            tell(self.listener.lost, link.reason)
            if link.was_up:
                backoff.reset()
            self.closing.wait(REFUSED_S if link.refused else backoff.next_s())


class _Link:
    """One connection from its beginning to its end; `reason` is why it ended."""

    def __init__(
        self, owner: BrokerConnection, protocol: MQTTProtocolVersion, wake_fd: int
    ) -> None:
        self.was_up = False
        self.refused = False
        self.another_protocol = False
        self.reason = "it was closed"
        self._owner = owner
        self._protocol = protocol
        self._wake_fd = wake_fd
        self._tls: _TlsContext | None = None
        self._at = f"{owner.config.host}:{owner.config.port}"

    def run(self) -> None:
        """Connect, and serve the connection until it ends. Raises nothing."""
        try:
            client = self._client()
            self._connect(client)
        except GatewayError as error:
            self.refused = True
            self.reason = str(error)
        except (OSError, ValueError) as error:
            self.refused = isinstance(error, ssl.SSLCertVerificationError)
            self.reason = connection_words(self._at, error)
            if self._tls is not None:
                self._tls.drop()
        else:
            self._serve(client)

    def _client(self) -> Client:
        owner, config = self._owner, self._owner.config
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=owner.client_id,
            clean_session=not owner.session
            if self._protocol < MQTTProtocolVersion.MQTTv5
            else None,
            protocol=self._protocol,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(0)  # `window` is observed by who publishes
        if config.username is not None:
            password = config.password.reveal() if config.password else None
            client.username_pw_set(config.username, password)
        if config.tls or config.tls_ca or config.tls_cert:
            self._tls = _TlsContext.of(config)
            client.tls_set_context(self._tls)
        if owner.will is not None:
            client.will_set(owner.will.topic, owner.will.payload, qos=1, retain=True)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        listener = owner.listener
        client.on_message = lambda c, _, message: tell(listener.received, c, message)
        client.on_publish = lambda _c, _u, mid, code, _p: tell(listener.published, mid, code)
        client.on_subscribe = lambda _c, _u, mid, codes, _p: tell(listener.subscribed, mid, codes)
        return client

    def _connect(self, client: Client) -> None:
        host, port = self._owner.config.host, self._owner.config.port
        self.reason = f"what answers at {self._at} does not speak MQTT"
        if self._protocol < MQTTProtocolVersion.MQTTv5:
            client.connect(host, port, KEEPALIVE_S)
            return
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.MaximumPacketSize = self._owner.largest
        if self._owner.session:
            properties.SessionExpiryInterval = SESSION_S
        client.connect(
            host,
            port,
            KEEPALIVE_S,
            clean_start=not self._owner.session,
            properties=properties,
        )

    def _serve(self, client: Client) -> None:
        """Read, write and do what is asked, until the connection ends."""
        end_by_s = time.monotonic() + CONNACK_S
        poller = select.poll()
        poller.register(self._wake_fd, select.POLLIN)
        try:
            while isinstance(sock := client.socket(), socket.socket):
                self._turn(client, sock, poller)
                if self._owner.closing.is_set():
                    end_by_s = min(end_by_s, time.monotonic() + GOODBYE_S)
                elif self.was_up:
                    end_by_s = float("inf")
                if time.monotonic() > end_by_s:
                    break
        except Exception as error:  # bytes for which paho has no error of its own
            logger.debug("the MQTT connection to %s broke", self._at, exc_info=error)
            self.reason = f"the MQTT broker at {self._at} sends what is not MQTT"
        if (sock := client.socket()) is not None:
            sock.close()
        # Brokers of 3.1.1 may hang up on an MQTT 5 greeting without a word: take turns.
        self.another_protocol |= not (self.was_up or self.refused)

    def _turn(self, client: Client, sock: socket.socket, poller: select.poll) -> None:
        """Wait at most a second for something to do, and do it."""
        descriptor = sock.fileno()
        poller.register(descriptor, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        unread = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        ready = dict(poller.poll(0 if unread else 1_000))
        if self._wake_fd in ready:
            self._owner.do_calls(client)
        events = ready.get(descriptor, 0)
        if unread or events & ~select.POLLOUT:
            client.loop_read()
        if events & select.POLLOUT:
            client.loop_write()
        client.loop_misc()

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        flags: ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self.another_protocol = code.value == _UNSUPPORTED_VERSION
            self.refused = code.value in _CONFIGURATION
            self.reason = f"the MQTT broker at {self._at} refuses us ({str(code).lower()})"
            return
        # What the broker takes at once, and at most, it says in MQTT 5 only.
        self._owner.window = getattr(properties, "ReceiveMaximum", 0xFFFF)
        self._owner.largest_accepted = getattr(properties, "MaximumPacketSize", LARGEST_PACKET)
        self.was_up = True
        self.reason = f"the connection to the MQTT broker at {self._at} was lost"
        self._owner.set_connected(True)
        tell(self._owner.listener.connected, client, bool(flags.session_present))

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        flags: DisconnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.reason = (
                f"the MQTT broker at {self._at} ended the connection ({str(code).lower()})"
            )


class _TlsContext(ssl.SSLContext):
    """Verifies the broker and its name; remembers the socket, which paho loses when that fails."""

    _socket: ssl.SSLSocket | None = None

    @classmethod
    def of(cls, config: BrokerConfig) -> Self:
        """From the files of `mqtt.tls`; raises `GatewayError` for one that cannot be used."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if config.tls_ca is None:
                context.load_default_certs()
            else:
                context.load_verify_locations(config.tls_ca)
            if config.tls_cert is not None:
                context.load_cert_chain(config.tls_cert, config.tls_key)
        except (OSError, ssl.SSLError) as error:
            why = error.strerror or str(error)
            raise GatewayError(f"a file of mqtt.tls cannot be used ({why})") from error
        return context

    def wrap_socket(self, *arguments: Any, **options: Any) -> ssl.SSLSocket:
        """As always, and remember it."""
        self._socket = super().wrap_socket(*arguments, **options)
        return self._socket

    def drop(self) -> None:
        """Close the socket of a handshake that failed."""
        if self._socket is not None:
            self._socket.close()


def connection_words(at: str, error: OSError | ValueError) -> str:
    """One clause for a user about a connection that could not be made."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of the MQTT broker at {at} is not trusted "
            f"({error.verify_message}): see mqtt.tls"
        )
    if isinstance(error, ssl.SSLError):
        return f"no TLS connection to the MQTT broker at {at} ({error.reason}): see mqtt.tls"
    if isinstance(error, socket.gaierror):
        return f"the name of the MQTT broker at {at} cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"no MQTT broker answers at {at} (nothing within {CONNECT_S:g} s)"
    why = getattr(error, "strerror", None) or str(error)
    return f"no MQTT broker answers at {at} ({why.lower()})"


def tell(callback: Callable[..., object], *arguments: Any) -> None:
    """Call somebody whose mistakes must not end the connection's thread."""
    try:
        callback(*arguments)
    except Exception:
        logger.exception("a user of the MQTT connection failed")


def _no_delay(_client: Client, _userdata: object, sock: Any) -> None:
    """Small packets leave at once; Nagle's algorithm costs 40 ms for each that waits."""
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def cut(client: Client) -> None:
    """End a connection abruptly; in its thread."""
    sock = client.socket()
    if isinstance(sock, socket.socket):
        sock.shutdown(socket.SHUT_RDWR)


def _other(protocol: MQTTProtocolVersion) -> MQTTProtocolVersion:
    five = MQTTProtocolVersion.MQTTv5
    return MQTTProtocolVersion.MQTTv311 if protocol == five else five
