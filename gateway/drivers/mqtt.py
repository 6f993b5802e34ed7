"""The driver `mqtt`: sensors that publish to the site's broker.

QoS 1 messages are acknowledged when what they led to is durable; until then they are the broker's
to keep (the session survives our restart, and the broker's too if it persists). A retained message
is a state and not an event: it becomes an `initial` reading at its time of arrival, and never a
barcode. What cannot be read is acknowledged, counted, and told once per sensor: left unacknowledged
it would block all that follows.

When the core does not keep up, the broker is held back by not reading from it, for as long as the
keepalive allows. A message that finds no place even then is not taken: the connection is dropped,
so that the broker repeats it later; only QoS 0, which nobody repeats, is lost then, and counted.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from gateway.broker.connection import BrokerConnection
from gateway.broker.link import KEEPALIVE_S
from gateway.broker.listener import cut
from gateway.drivers.base import DriverContext
from gateway.drivers.decoders import Decoder, UndecodableError, Value, decoder_of
from gateway.drivers.unacked import Unacked
from gateway.errors import DriverError
from gateway.model.device import SensorConfig, SensorKind, SensorReading
from gateway.model.outcome import Inputs

logger = logging.getLogger(__name__)

#: Largest payload that is looked at.
PAYLOAD_BYTES = 1 << 16
#: Readings that may wait for the core.
WAITING = 10_000
#: How long the broker is held back for a place among them.
HOLD_BACK_S = KEEPALIVE_S / 2


class MqttSensors:
    """All sensors with driver `mqtt`.

    `trouble` is None or a clause for the user. `counts` tells what was not delivered, by reason:
    undecodable, oversized, foreign (nobody's topic), retained (barcodes), repeated, turned_away
    (comes again), lost.
    """

    def __init__(self, context: DriverContext, *, waiting: int = WAITING) -> None:
        if context.broker is None:
            raise DriverError("sensors with driver mqtt need a broker: give mqtt.host")
        self.trouble: str | None = None
        self.counts: Counter[str] = Counter()
        self._clock = context.clock
        self._sensors: dict[str, list[tuple[SensorConfig, Decoder]]] = defaultdict(list)
        for sensor in context.sensors:
            self._sensors[_topic_of(sensor)].append((sensor, decoder_of(sensor)))
        self._waiting = waiting
        self._inbox: deque[SensorReading] = deque()
        self._space = threading.Condition()
        self._unacked = Unacked()
        self._told: set[str] = set()
        self._subscription: tuple[int, list[str]] = (0, [])
        self._was_connected = False
        self._turning_away = False
        self._closing = False
        self._connection = BrokerConnection(
            context.broker,
            self,
            purpose="sensors",
            session=True,
            largest=PAYLOAD_BYTES + 4_096,
        )

    def start(self) -> None:
        """Begin to connect; returns at once."""
        if self._sensors:
            self._connection.start()

    def drain(self, inputs: Inputs, now_us: int) -> None:
        """Append what has come in since the last call."""
        del now_us
        if not self._inbox:
            return
        with self._space:
            inputs.sensors.extend(self._inbox)
            self._inbox.clear()
            self._space.notify()

    def close(self) -> None:
        """Leave; the broker keeps our subscriptions and what we have not acknowledged."""
        with self._space:
            self._closing = True
            self._space.notify()
        self._connection.close()

    # Called in the connection's thread.

    def connected(self, client: Client, session_present: bool) -> None:
        """Subscribe to every topic, also when the broker says that it remembers them."""
        if self._was_connected and not session_present:
            logger.warning(
                "the MQTT broker has forgotten our session (does it persist?): sensor readings of "
                "the time without a connection may be lost"
            )
        self._was_connected = True
        self._turning_away = False
        self.trouble = None
        self._unacked.new_connection(session_present=session_present)
        topics = list(self._sensors)
        _, mid = client.subscribe([(topic, 1) for topic in topics])
        self._subscription = (mid or 0, topics)

    def subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        """Tell which subscriptions were refused."""
        expected, topics = self._subscription
        if mid != expected:
            return
        refused = [t for t, code in zip(topics, codes, strict=False) if code.is_failure]
        if refused:
            more = f" and {len(refused) - 1} more topics" if len(refused) > 1 else ""
            self.trouble = f"the MQTT broker refuses the subscription to {refused[0]}{more}"
            logger.error("%s: these sensors say nothing", self.trouble)

    def lost(self, reason: str) -> None:
        """Tell a new reason once; the connection is made again by itself."""
        if reason != self.trouble:
            logger.warning("sensors: %s; trying again", reason)
        self.trouble = reason

    def published(self, mid: int, code: ReasonCode) -> None:
        """Nothing is published here."""

    def received(self, client: Client, message: MQTTMessage) -> None:
        """One message becomes readings, or is acknowledged and counted."""
        if self._turning_away:
            return
        values = self._values(client, message)
        if not values:
            client.ack(message.mid, message.qos)
        elif message.qos and self._unacked.repeated(client, message):
            self.counts["repeated"] += 1
        elif self._wait_for_space(len(values)):
            self._take(message, values)
        else:
            self._turn_away(client, message)

    def _wait_for_space(self, readings: int) -> bool:
        with self._space:
            return self._space.wait_for(
                lambda: self._closing or len(self._inbox) + readings <= self._waiting, HOLD_BACK_S
            )

    def _take(self, message: MQTTMessage, values: list[tuple[SensorConfig, Value]]) -> None:
        at_us = self._clock.now_us()
        ack = self._ack_of(message, len(values)) if message.qos else None
        readings = [
            SensorReading(
                sensor=sensor.id,
                value=value,
                time_us=at_us,
                at_us=at_us,
                ack=ack,
                initial=bool(message.retain),
            )
            for sensor, value in values
        ]
        with self._space:
            self._inbox.extend(readings)

    def _turn_away(self, client: Client, message: MQTTMessage) -> None:
        """No place was found in time: nothing more is taken from this connection."""
        self.counts["turned_away" if message.qos else "lost"] += 1
        if not self._turning_away:
            logger.error(
                "sensor readings come faster than they are handled: the MQTT connection is dropped,"
                " the broker repeats what was not taken"
            )
        self._turning_away = True
        cut(client)

    def _values(self, client: Client, message: MQTTMessage) -> list[tuple[SensorConfig, Value]]:
        """What the message says of each of its sensors; nothing, and counted, if it cannot be."""
        try:
            topic = message.topic
        except UnicodeDecodeError:
            self.counts["foreign"] += 1
            return []
        if topic not in self._sensors:
            # A subscription of an earlier configuration, which the broker remembers.
            self.counts["foreign"] += 1
            client.unsubscribe(topic)
            return []
        payload = bytes(message.payload)
        values: list[tuple[SensorConfig, Value]] = []
        for sensor, decoder in self._sensors[topic]:
            if message.retain and sensor.kind is SensorKind.BARCODE:
                self.counts["retained"] += 1
                continue
            value = self._value(sensor, decoder, payload)
            if value is not None:
                values.append((sensor, value))
        return values

    def _value(self, sensor: SensorConfig, decoder: Decoder, payload: bytes) -> Value | None:
        if len(payload) > PAYLOAD_BYTES:
            self.counts["oversized"] += 1
            self._tell_once(sensor, f"a payload has more than {PAYLOAD_BYTES} octets")
            return None
        try:
            value = decoder(payload)
        except UndecodableError as error:
            self.counts["undecodable"] += 1
            self._tell_once(sensor, str(error))
            return None
        except Exception as error:  # noqa: BLE001 - a decoder from outside must not block the rest
            self.counts["undecodable"] += 1
            self._tell_once(sensor, f"its decoder failed ({type(error).__name__}: {error})")
            return None
        self._told.discard(sensor.id)
        return value

    def _tell_once(self, sensor: SensorConfig, why: str) -> None:
        """A warning per sensor, until it is understood again."""
        if sensor.id not in self._told:
            self._told.add(sensor.id)
            logger.warning(
                "sensor %s: its message on %s is not understood: %s; such messages are counted",
                sensor.id,
                sensor.topic,
                why,
            )

    def _ack_of(self, message: MQTTMessage, readings: int) -> Callable[[], None]:
        """What acknowledges the message when all its readings have called it."""
        delivery = self._unacked.take(message)
        missing = [None] * readings

        def ack() -> None:
            if missing:
                missing.pop()
            if not missing:
                self._unacked.acknowledge(self._connection, delivery)

        return ack


def _topic_of(sensor: SensorConfig) -> str:
    """The topic of a sensor, which is one topic and no pattern."""
    topic = sensor.topic
    if not topic:
        raise DriverError(f"sensor {sensor.id}: it needs a topic")
    if any(c in "+#\0" for c in topic) or topic.startswith("$"):
        raise DriverError(
            f"sensor {sensor.id}: its topic {topic!r} must be that of one sensor: no wildcard + or "
            "#, no $ at the beginning"
        )
    return topic
