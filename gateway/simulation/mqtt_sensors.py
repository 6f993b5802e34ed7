"""Simulated sensors on a real MQTT broker: one topic each, `true` or `false`, at least once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from gateway.broker import BrokerConnection
from gateway.model.delivery import BrokerConfig


class MqttSensors:
    """Publishes values of sensors; `topics` maps sensor id to topic. A context manager.

    Like real sensors it forgets what changed while the broker was away, and says how things are
    when it is back. `tell` is given one sentence when the broker cannot be reached, and one when
    it is there again.
    """

    def __init__(
        self, host: str, port: int, topics: Mapping[str, str], tell: Callable[[str], None]
    ) -> None:
        self._topics, self._tell = dict(topics), tell
        self._where = f"{host}:{port}"
        self._told_away = False
        # All keys from the start: the connection's thread reads while ours writes values.
        self._values: dict[str, bool | None] = dict.fromkeys(self._topics)
        config = BrokerConfig(
            host=host, port=port, client_id=f"rfid-gateway-emulate-{uuid.uuid4().hex[:8]}"
        )
        self._connection = BrokerConnection(config, self, purpose="sensors")

    def publish(self, sensor: str, value: bool) -> None:
        """Say a sensor's value; nothing for one without a topic."""
        if sensor in self._topics:
            self._values[sensor] = value
            self._connection.call(lambda client: self._send(client, sensor, value))

    def __enter__(self) -> Self:
        self._connection.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._connection.close()

    # What the connection tells, in its thread.

    def connected(self, client: Client, session_present: bool) -> None:  # noqa: ARG002
        """The broker is there: say how things are."""
        if self._told_away:
            self._told_away = False
            self._tell(f"the MQTT broker at {self._where} is there: sensors are published")
        for sensor, value in self._values.items():
            if value is not None:
                self._send(client, sensor, value)

    def lost(self, reason: str) -> None:
        """The broker is away."""
        if not self._told_away and not self._connection.closing.is_set():
            self._told_away = True
            self._tell(f"sensors are not published for now: {reason}")

    def received(self, client: Client, message: MQTTMessage) -> None:
        """Nothing is subscribed to."""

    def published(self, mid: int, code: ReasonCode) -> None:
        """A broker that refuses a sensor's value has its reasons; the next one is tried anyway."""

    def subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        """Nothing is subscribed to."""

    def _send(self, client: Client, sensor: str, value: bool) -> None:
        client.publish(self._topics[sensor], b"true" if value else b"false", qos=1)
