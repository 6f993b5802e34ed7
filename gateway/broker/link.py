"""One connection to the broker, from its beginning to its end, spoken with paho's client."""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.broker.listener import tell
from gateway.broker.tls import TlsContext
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.broker.connection import BrokerConnection

logger = logging.getLogger(__name__)

KEEPALIVE_S = 15
CONNECT_S = 5.0
#: A CONNACK that takes longer than this will not come.
CONNACK_S = 10.0
#: How long a last publication and the goodbye may take on their way out.
GOODBYE_S = 1.0
#: How long the broker keeps subscriptions and messages for us while we are away (MQTT 5).
SESSION_S = 7 * 86_400
#: The largest packet that MQTT can express, and the most messages that may be unacknowledged.
LARGEST_PACKET, LARGEST_WINDOW = 268_435_460, 0xFFFF

_UNSUPPORTED_VERSION = 132
#: CONNACK codes that tell of our configuration: bad identifier, credentials, rights, banned.
_CONFIGURATION = frozenset({133, 134, 135, 138, 140})


class Link:
    """One connection from its beginning to its end; `reason` is why it ended."""

    def __init__(
        self, owner: BrokerConnection, protocol: MQTTProtocolVersion, wake_fd: int
    ) -> None:
        self.was_up = False
        self.up_since_s = float("inf")
        self.refused = False
        self.another_protocol = self.unknown_protocol = False
        self.reason = "it was closed"
        self._owner = owner
        self._protocol = protocol
        self._wake_fd = wake_fd
        self._tls: TlsContext | None = None
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
            self._tls = TlsContext.of(config)
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
            self.another_protocol = self.unknown_protocol = code.value == _UNSUPPORTED_VERSION
            self.refused = code.value in _CONFIGURATION
            self.reason = f"the MQTT broker at {self._at} refuses us ({str(code).lower()})"
            return
        # What the broker takes at once, and at most, it says in MQTT 5 only.
        self._owner.window = getattr(properties, "ReceiveMaximum", LARGEST_WINDOW)
        self._owner.largest_accepted = getattr(properties, "MaximumPacketSize", LARGEST_PACKET)
        self.was_up = True
        self.up_since_s = time.monotonic()
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


def _no_delay(_client: Client, _userdata: object, sock: Any) -> None:
    """Small packets leave at once; Nagle's algorithm costs 40 ms for each that waits."""
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
