"""Messages taken from a broker and not acknowledged yet, over the ends of connections.

A QoS 1 message is acknowledged once its effects are durable. When the connection ends before that,
the broker sends it again on the next one, marked as a repetition: then it must not become a second
reading, and the acknowledgement has to go to the new connection. Only messages whose
acknowledgement certainly never reached the broker are recognised, so a new message is never taken
for an old one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from paho.mqtt.client import Client, MQTTMessage

from gateway.broker.connection import BrokerConnection

#: Deliveries that are remembered; beyond it, repetitions may become readings again.
MOST = 50_000


@dataclass(slots=True, eq=False)
class Delivery:
    """One message that came and waits for its acknowledgement."""

    key: tuple[str, bytes]
    mid: int
    connection: int  # number of the connection that it came by
    durable: bool = False  # acknowledged by us, whether or not the broker knows


class Unacked:
    """Owned by the connection's thread; `acknowledge` alone may be called anywhere."""

    def __init__(self) -> None:
        self._connection = 0
        self._waiting: dict[tuple[str, bytes], deque[Delivery]] = {}
        self._count = 0

    def new_connection(self, *, session_present: bool) -> None:
        """Another connection is up; without a session the broker repeats nothing."""
        self._connection += 1
        if not session_present or self._count > MOST:
            self._waiting.clear()
            self._count = 0

    def take(self, message: MQTTMessage) -> Delivery:
        """A message that is new to us."""
        delivery = Delivery(
            key=(message.topic, bytes(message.payload)),
            mid=message.mid,
            connection=self._connection,
        )
        self._waiting.setdefault(delivery.key, deque()).append(delivery)
        self._count += 1
        return delivery

    def repeated(self, client: Client, message: MQTTMessage) -> bool:
        """Whether this is the repetition of a message that we have taken already."""
        if not message.dup:
            return False
        for delivery in self._waiting.get((message.topic, bytes(message.payload)), ()):
            if delivery.connection != self._connection:
                delivery.mid, delivery.connection = message.mid, self._connection
                if delivery.durable:
                    self._settle(client, delivery)
                return True
        return False

    def acknowledge(self, connection: BrokerConnection, delivery: Delivery) -> None:
        """Its effects are durable: tell the broker, now or when it repeats the message."""
        delivery.durable = True
        connection.call(lambda client: self._settle(client, delivery))

    def _settle(self, client: Client, delivery: Delivery) -> None:
        if delivery.connection == self._connection and self._forget(delivery):
            client.ack(delivery.mid, 1)

    def _forget(self, delivery: Delivery) -> bool:
        same = self._waiting.get(delivery.key)
        if same is None or delivery not in same:
            return False
        same.remove(delivery)
        self._count -= 1
        if not same:
            del self._waiting[delivery.key]
        return True
