"""A plain paho client for tests: somebody else on the broker, who publishes and remembers."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.servers import wait_until


class MqttPeer:
    """Connected while the context lasts; `messages` are what came on the subscribed topics.

    With a `client_id` the broker keeps what comes while this peer is not connected.
    """

    def __init__(
        self, port: int, *topics: str, client_id: str = "", username: str | None = None
    ) -> None:
        self.messages: list[MQTTMessage] = []
        self._topics = topics
        self._port = port
        self._client_id = client_id
        self._username = username
        self._subscribed = threading.Event()
        self._open: Client | None = None

    @property
    def _client(self) -> Client:
        assert self._open is not None
        return self._open

    @property
    def payloads(self) -> list[bytes]:
        """The payloads that came, in order."""
        return [bytes(message.payload) for message in self.messages]

    def on(self, topic: str) -> list[bytes]:
        """The payloads that came on one topic."""
        return [bytes(message.payload) for message in self.messages if message.topic == topic]

    def publish(
        self, topic: str, payload: bytes | str, qos: int = 1, *, retain: bool = False
    ) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, qos, retain).wait_for_publish(5.0)

    def send(self, topic: str, payload: bytes | str, qos: int = 1) -> None:
        """Publish without waiting; a QoS 1 message survives a reconnection."""
        self._client.publish(topic, payload, qos)

    def __enter__(self) -> Self:
        client = self._open = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=not self._client_id,
        )
        if self._username is not None:
            client.username_pw_set(self._username, "secret")
        client.reconnect_delay_set(1, 1)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self._subscribed.set()
        client.on_message = lambda _c, _u, message: self._take(message)
        client.connect("127.0.0.1", self._port)
        client.loop_start()
        wait_until(client.is_connected)
        if self._topics:
            assert self._subscribed.wait(5.0)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        # paho closes its inner sockets when the client is no more: nothing may hold on to it.
        self._client.on_connect = self._client.on_message = self._client.on_subscribe = None
        self._open = None

    def _take(self, message: MQTTMessage) -> None:
        # What the broker itself sends again, because it died before it had our answer, says nothing
        # of who published it (MQTT 3.1.1, 3.3.1.1: DUP is of this link alone).
        again = message.dup and message.payload in (known.payload for known in self.messages)
        if not again:
            self.messages.append(message)

    def _on_connect(self, client: Client, *_: object) -> None:
        if self._topics:
            client.subscribe([(topic, 1) for topic in self._topics])
