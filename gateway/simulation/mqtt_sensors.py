"""Simulated sensors on a real MQTT broker: one topic each, `true` or `false`, at least once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

MAX_QUEUED = 1_000  # while the broker is away; then the newest are lost, as with real sensors
RETRY_S = (1, 5)


class MqttSensors:
    """Publishes values of sensors; `topics` maps sensor id to topic.

    `tell` is given one sentence when the broker cannot be reached, and one when it is back. A
    context manager; connects and reconnects by itself.
    """

    def __init__(
        self, host: str, port: int, topics: Mapping[str, str], tell: Callable[[str], None]
    ) -> None:
        self._address, self._topics, self._tell = (host, port), topics, tell
        self._told_away = False
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"rfid-gateway-emulate-{uuid.uuid4().hex[:8]}"
        )
        self._client.max_queued_messages_set(MAX_QUEUED)
        self._client.reconnect_delay_set(*RETRY_S)
        self._client.on_connect = self._connected
        self._client.on_connect_fail = self._away
        self._client.on_disconnect = self._away

    def publish(self, sensor: str, value: bool) -> None:
        """Say a sensor's value; nothing for one without a topic."""
        topic = self._topics.get(sensor)
        if topic is not None:
            self._client.publish(topic, b"true" if value else b"false", qos=1)

    def __enter__(self) -> Self:
        self._client.connect_async(*self._address)
        self._client.loop_start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.on_disconnect = None
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, *_: Any) -> None:
        if self._told_away:
            self._told_away = False
            self._tell(f"the MQTT broker at {self._where} is there: sensors are published")

    def _away(self, *_: Any) -> None:
        if not self._told_away:
            self._told_away = True
            self._tell(
                f"no MQTT broker at {self._where}: sensors wait for it, at most {MAX_QUEUED}"
            )

    @property
    def _where(self) -> str:
        return f"{self._address[0]}:{self._address[1]}"
