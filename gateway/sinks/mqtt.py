"""The sink `mqtt`: movements, passages and alerts to the site's broker, QoS 1.

    sinks: [{name: plant, kind: mqtt}]           # the broker and prefix P are those of `mqtt:`

Options: `kinds`, a list of movement, passage, alert (default: all). Topics are those of the
contract: `P/movements`, `P/passages/<door>`, `P/alerts/<rule>`; `P/status` is retained `online`, or
`offline` by the last will. `publish_live` adds the retained states below `P/readers` and `P/zones`,
which may be lost on the way and are all published again with every new connection.

A batch is one window: all of it is published, then all PUBACKs are awaited. A connection that ends
in between makes the whole batch come again, with the same bodies.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Sequence

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from gateway.broker.connection import BrokerConnection, Will
from gateway.errors import Hold, Rejected, Retry, SinkError
from gateway.model.delivery import RECORD_KINDS, Record, SinkConfig
from gateway.sinks.base import SinkContext
from gateway.sinks.options import kinds_option, no_other_options
from gateway.sinks.topics import is_retained, live_topic, payload_of, topic_of

logger = logging.getLogger(__name__)

#: How long the broker may take to acknowledge a batch.
ACK_S = 30.0
#: How long `open` waits for a connection before it says that there is none.
OPEN_S = 2.0
#: While the connection makes itself again, asking costs nothing.
ASK_AGAIN_S = 0.5
#: Retained states that are remembered; far more than any site has readers and zones.
LIVE_TOPICS = 10_000

#: What a packet holds beside the body: header, properties and a long topic.
PACKET_OVERHEAD_BYTES = 1_024

#: PUBACK codes by which a broker refuses one message for what it is: topic, payload, size.
_OF_THE_RECORD = frozenset({144, 149, 153})
_NOT_AUTHORIZED = 135


class MqttSink:
    """Publishes records; also the gateway's presence and live state on the broker."""

    max_batch = 200

    def __init__(self, config: SinkConfig, context: SinkContext) -> None:
        no_other_options(config, {"kinds"})
        if context.broker is None:
            raise SinkError(
                f"sink {config.name}: it needs a broker: give mqtt.host in the settings"
            )
        self.name = config.name
        self.kinds = kinds_option(config, default=RECORD_KINDS)
        self._prefix = context.broker.prefix
        self._status = f"{self._prefix}/status"
        self._connection = BrokerConnection(
            context.broker,
            self,
            purpose=f"sink-{config.name}",
            will=Will(topic=self._status, payload=b"offline"),
        )
        self._started = False
        self._batch: _Batch | None = None
        self._live: dict[str, bytes] = {}
        self._unsent: dict[str, None] = {}  # in order of their first change
        self._live_lock = threading.Lock()

    async def open(self) -> None:
        """Begin to connect; raises `Retry` or `Hold` while there is no connection."""
        if not self._started:
            self._started = True
            self._connection.start()
        ends_at_s = asyncio.get_running_loop().time() + OPEN_S
        while not self._connection.connected:
            if asyncio.get_running_loop().time() >= ends_at_s:
                raise self._unavailable()
            await asyncio.sleep(0.02)

    async def deliver(self, records: Sequence[Record]) -> dict[int, str]:
        """Publish in order and wait for every acknowledgement."""
        topics: dict[int, str] = {}
        rejected: dict[int, str] = {}
        for record in records:
            try:
                topics[record.seq] = self._topic(record)
            except Rejected as refusal:
                rejected[record.seq] = str(refusal)
        batch = _Batch(
            [
                (r.seq, topics[r.seq], payload_of(r), is_retained(r))
                for r in records
                if r.seq in topics
            ],
            self._connection.window,
        )
        self._batch = batch
        if not self._connection.call(batch.publish):
            batch.answered.cancel()
            raise self._unavailable()
        try:
            async with asyncio.timeout(ACK_S):
                await batch.answered
        except TimeoutError as error:
            self._connection.reset()
            raise Retry(
                f"the MQTT broker has not acknowledged {batch.open} of {len(records)} messages "
                f"within {ACK_S:g} s"
            ) from error
        return rejected | batch.verdict()

    async def close(self) -> None:
        """Say `offline`, and goodbye."""
        if self._started:
            self._connection.call(lambda client: client.publish(self._status, b"offline", 1, True))
            await asyncio.to_thread(self._connection.close)

    def publish_live(self, topic: str, payload: bytes, retain: bool = True) -> None:
        """Tell a state that may get lost, at `readers/<id>` or `zones/<id>`; from any thread.

        The newest payload of each topic counts; retained ones are published again on reconnect.
        """
        try:
            full_topic = live_topic(self._prefix, topic)
        except Rejected as refusal:
            logger.warning("sink %s: a state is not published: %s", self.name, refusal)
            return
        if not retain:
            self._connection.call(lambda client: client.publish(full_topic, payload, 0))
            return
        with self._live_lock:
            if full_topic not in self._live and len(self._live) >= LIVE_TOPICS:
                return
            self._live[full_topic] = payload
            asked = bool(self._unsent)
            self._unsent[full_topic] = None
        if not asked and not self._connection.call(self._publish_unsent):
            with self._live_lock:
                self._unsent.pop(full_topic, None)

    def _topic(self, record: Record) -> str:
        """Where it goes; raises `Rejected` for what can never go."""
        limit = self._connection.largest_accepted - PACKET_OVERHEAD_BYTES
        if len(record.body) > limit:
            raise Rejected(f"it has {len(record.body)} octets, the MQTT broker takes {limit}")
        return topic_of(self._prefix, record)

    # Called in the connection's thread.

    def connected(self, client: Client, session_present: bool) -> None:
        """Be `online`, with all retained states."""
        del session_present
        client.publish(self._status, b"online", 1, True)
        with self._live_lock:
            everything = list(self._live.items())
            self._unsent.clear()
        for topic, payload in everything:
            client.publish(topic, payload, 0, True)

    def lost(self, reason: str) -> None:
        """What was not acknowledged has to come again."""
        del reason
        with self._live_lock:
            self._unsent.clear()
        if self._batch is not None:
            self._batch.fail(self._unavailable())

    def published(self, mid: int, code: ReasonCode) -> None:
        """One more acknowledgement."""
        if self._batch is not None:
            self._batch.acknowledge(mid, code)

    def received(self, client: Client, message: MQTTMessage) -> None:
        """Nothing was subscribed to."""

    def subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        """Nothing was subscribed to."""

    def _publish_unsent(self, client: Client) -> None:
        with self._live_lock:
            payloads = [(topic, self._live[topic]) for topic in self._unsent]
            self._unsent.clear()
        for topic, payload in payloads:
            client.publish(topic, payload, 0, True)

    def _unavailable(self) -> Retry | Hold:
        if self._connection.refused:
            return Hold(self._connection.trouble)
        return Retry(self._connection.trouble, ASK_AGAIN_S)


class _Batch:
    """Messages on their way; made and awaited in the event loop, filled in the other thread."""

    def __init__(self, messages: Sequence[tuple[int, str, bytes, bool]], window: int) -> None:
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._unsent = deque(messages)
        self._window = window
        self._client: Client | None = None
        self._open: dict[int, int] = {}  # mid → seq
        self._refused: dict[int, ReasonCode] = {}

    @property
    def open(self) -> int:
        """How many messages have not been answered."""
        return len(self._open) + len(self._unsent)

    def publish(self, client: Client) -> None:
        """Begin to send; in the connection's thread, as is all that follows."""
        self._client = client
        self._fill_window()

    def acknowledge(self, mid: int, code: ReasonCode) -> None:
        """The broker has answered one message, perhaps not one of ours."""
        seq = self._open.pop(mid, None)
        if seq is None:
            return
        if code.is_failure:
            self._refused[seq] = code
        self._fill_window()

    def _fill_window(self) -> None:
        assert self._client is not None
        while self._unsent and len(self._open) < self._window:
            seq, topic, body, retain = self._unsent.popleft()
            self._open[self._client.publish(topic, body, qos=1, retain=retain).mid] = seq
        if not self._open:
            self._finish(None)

    def fail(self, error: Exception) -> None:
        """No more answers will come; a refusal that came before says more than a lost connection.

        (mosquitto 2.0.11 hangs up after it has refused a topic.)
        """
        refused = next((c for c in self._refused.values() if c.value == _NOT_AUTHORIZED), None)
        self._finish(_not_let(refused) if refused is not None else error)

    def verdict(self) -> dict[int, str]:
        """The records that the broker refuses for what they are; in the event loop again.

        Raises `Hold` or `Retry` when it refuses us, or cannot take them now.
        """
        rejected = {}
        for seq, code in self._refused.items():
            words = str(code).lower()
            if code.value in _OF_THE_RECORD:
                rejected[seq] = f"the MQTT broker refuses it ({words})"
            elif code.value == _NOT_AUTHORIZED:
                raise _not_let(code)
            else:
                raise Retry(f"the MQTT broker could not take a message ({words})")
        return rejected

    def _finish(self, error: Exception | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self._loop.call_soon_threadsafe(self._set, error)

    def _set(self, error: Exception | None) -> None:
        if self.answered.done():
            return
        if error is None:
            self.answered.set_result(None)
        else:
            self.answered.set_exception(error)


def _not_let(code: ReasonCode) -> Hold:
    return Hold(f"the MQTT broker does not let us publish ({str(code).lower()})")
