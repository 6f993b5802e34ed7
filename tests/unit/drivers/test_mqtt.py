"""The driver `mqtt`: readings in order, acknowledged when durable, hostile payloads counted."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import ManualClock
from gateway.drivers.base import DriverContext
from gateway.drivers.decoders import DECODERS
from gateway.drivers.mqtt import PAYLOAD_BYTES, MqttSensors
from gateway.errors import DriverError
from gateway.model.delivery import BrokerConfig
from gateway.model.device import SensorConfig, SensorKind, SensorReading
from gateway.model.outcome import Inputs
from gateway.model.place import Site
from gateway.model.tags import TagIndex
from tests.mqtt_peer import MqttPeer
from tests.outcomes import NOW_US
from tests.servers import Mosquitto, free_port, wait_until

BEAM = SensorConfig(id="door-1/inner", kind=SensorKind.BEAM, topic="door1/inner")
SCALE = SensorConfig(id="scale-1", kind=SensorKind.WEIGHT, topic="scale1")
SCANNER = SensorConfig(id="scanner-1", kind=SensorKind.BARCODE, topic="scanner1")


class Drained:
    """A driver with what it has handed over."""

    def __init__(self, driver: MqttSensors) -> None:
        self.driver = driver
        self.readings: list[SensorReading] = []
        self._acknowledged = 0

    def count(self) -> int:
        """Drain, as the core does with every tick."""
        inputs = Inputs()
        self.driver.drain(inputs, NOW_US)
        self.readings += inputs.sensors
        return len(self.readings)

    def values(self, sensor: str = BEAM.id) -> list[object]:
        self.count()
        return [reading.value for reading in self.readings if reading.sensor == sensor]

    def acknowledge(self, upto: int | None = None) -> None:
        """Acknowledge each reading once, in order, as the store does; up to the given number."""
        for reading in self.readings[self._acknowledged : upto]:
            if reading.ack is not None:
                reading.ack()
        self._acknowledged = len(self.readings) if upto is None else upto


@contextlib.contextmanager
def sensing(
    port: int, *sensors: SensorConfig, waiting: int = 1_000, up: bool = True
) -> Iterator[Drained]:
    """A driver that has subscribed."""
    driver = MqttSensors(context(port, *sensors), waiting=waiting)
    driver.start()
    try:
        if up:
            wait_until(lambda: driver._connection.connected)
            subscribed = []
            driver._connection.call(lambda _: subscribed.append(True))
            wait_until(lambda: subscribed)
        yield Drained(driver)
    finally:
        driver.close()


def context(port: int | None, *sensors: SensorConfig) -> DriverContext:
    return DriverContext(
        site=Site(id="dc"),
        tags=TagIndex(),
        clock=ManualClock(NOW_US),
        sensors=sensors,
        broker=BrokerConfig(port=port, client_id="gw") if port else None,
    )


@pytest.mark.server
def test_messages_become_readings_in_order(mosquitto: Mosquitto) -> None:
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, BEAM, SCALE) as drained:
        for n in range(100):
            peer.publish(str(BEAM.topic), b"on" if n % 2 else b"off")
        peer.publish(str(SCALE.topic), b"12.5")
        wait_until(lambda: drained.count() == 101)
        assert drained.values() == [bool(n % 2) for n in range(100)]
        last = drained.readings[-1]
        assert (last.sensor, last.value, last.time_us, last.at_us) == (
            "scale-1",
            12.5,
            NOW_US,
            NOW_US,
        )
        assert not last.initial


@pytest.mark.server
def test_what_was_not_acknowledged_comes_again_after_a_restart(mosquitto: Mosquitto) -> None:
    with MqttPeer(mosquitto.port) as peer:
        with sensing(mosquitto.port, SCALE) as drained:
            for n in range(10):
                peer.publish(str(SCALE.topic), str(n))
            wait_until(lambda: drained.count() == 10)
            drained.acknowledge(upto=4)
            done: list[bool] = []
            drained.driver._connection.call(lambda _: done.append(True))
            wait_until(lambda: done)
        peer.publish(str(SCALE.topic), "10")
    with sensing(mosquitto.port, SCALE) as drained:
        wait_until(lambda: drained.count() == 7)
        assert drained.values(SCALE.id) == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]


@pytest.mark.server
def test_a_repetition_on_a_new_connection_is_no_second_reading(mosquitto: Mosquitto) -> None:
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, SCANNER) as drained:
        for n in range(20):
            peer.publish(str(SCANNER.topic), f"code {n % 5}")
        wait_until(lambda: drained.count() == 20)
        # Ten of them become durable while there is no connection, ten are still on their way.
        drained.driver._connection.reset()
        wait_until(lambda: not drained.driver._connection.connected)
        drained.acknowledge(upto=10)
        wait_until(lambda: drained.driver.counts["repeated"] == 20)
        drained.acknowledge()
        peer.publish(str(SCANNER.topic), "new")
        wait_until(lambda: drained.values(SCANNER.id)[-1] == "new")
        drained.acknowledge()
        assert len(drained.values(SCANNER.id)) == 21
        done: list[bool] = []
        drained.driver._connection.call(lambda _: done.append(True))
        wait_until(lambda: done)
    with sensing(mosquitto.port, SCANNER) as again, MqttPeer(mosquitto.port) as peer:
        peer.publish(str(SCANNER.topic), "newest")
        wait_until(lambda: again.count() >= 1)
        assert again.values(SCANNER.id) == ["newest"], "everything else was acknowledged"


@pytest.mark.server
def test_one_message_for_several_sensors_is_acknowledged_by_the_last(mosquitto: Mosquitto) -> None:
    other = SensorConfig(
        id="other", kind=SensorKind.BEAM, topic=BEAM.topic, options={"invert": True}
    )
    with MqttPeer(mosquitto.port) as peer:
        with sensing(mosquitto.port, BEAM, other) as drained:
            peer.publish(str(BEAM.topic), "on")
            wait_until(lambda: drained.count() == 2)
            assert [r.value for r in drained.readings] == [True, False]
            assert drained.readings[0].ack is not None
            drained.readings[0].ack()
        with sensing(mosquitto.port, BEAM, other) as drained:
            wait_until(lambda: drained.count() == 2)


@pytest.mark.server
def test_a_retained_message_is_the_initial_state_and_never_a_scan(mosquitto: Mosquitto) -> None:
    with MqttPeer(mosquitto.port) as peer:
        peer.publish(str(BEAM.topic), "on", retain=True)
        peer.publish(str(SCANNER.topic), "an old scan", retain=True)
        with sensing(mosquitto.port, BEAM, SCANNER) as drained:
            wait_until(lambda: drained.count() == 1)
            assert drained.readings[0].initial
            peer.publish(str(BEAM.topic), "off", retain=True)
            wait_until(lambda: drained.count() == 2)
            assert not drained.readings[1].initial, "told as it happens, it is an event"
            wait_until(lambda: drained.driver.counts["retained"] == 1)


@pytest.mark.server
def test_hostile_payloads_are_acknowledged_counted_and_told_once(
    mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "gateway.drivers")
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, BEAM) as drained:
        for payload in (b"", b"\xff\x00", b"{}", b"maybe\x1b[2J", b"1" * 60_000):
            peer.publish(str(BEAM.topic), payload)
        peer.publish(str(BEAM.topic), "on")
        wait_until(lambda: drained.values() == [True])
        assert drained.driver.counts["undecodable"] == 5
        drained.acknowledge()
    told = [
        record.getMessage() for record in caplog.records if "door-1/inner" in record.getMessage()
    ]
    assert len(told) == 1
    assert "its message on door1/inner is not understood: ''" in told[0]
    with sensing(mosquitto.port, BEAM) as drained, MqttPeer(mosquitto.port) as peer:
        peer.publish(str(BEAM.topic), "off")
        wait_until(lambda: drained.count() == 1)


@pytest.mark.server
def test_a_decoder_that_fails_blocks_nothing(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def theirs(payload: bytes) -> bool:
        return payload[2] == 1

    monkeypatch.setitem(DECODERS, "theirs", lambda _: theirs)
    sensor = SensorConfig(id="s", kind=SensorKind.BEAM, topic="s", decoder="theirs")
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, sensor) as drained:
        peer.publish("s", b"")
        peer.publish("s", b"\0\0\1")
        wait_until(lambda: drained.values("s") == [True])
        assert drained.driver.counts["undecodable"] == 1
        drained.acknowledge()
    assert "its decoder failed (IndexError: index out of range)" in caplog.text
    with sensing(mosquitto.port, sensor) as drained, MqttPeer(mosquitto.port) as peer:
        peer.publish("s", b"\0\0\0")
        wait_until(lambda: drained.count() == 1)


@pytest.mark.server
def test_the_broker_never_sends_us_what_is_too_big(mosquitto: Mosquitto) -> None:
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, BEAM) as drained:
        peer.publish(str(BEAM.topic), b"1" * (PAYLOAD_BYTES + 100))
        peer.publish(str(BEAM.topic), b"1" * 10_000_000)
        peer.publish(str(BEAM.topic), "on")
        wait_until(lambda: drained.values() == [True])
        assert drained.driver.counts["oversized"] == 1


@pytest.mark.server
def test_a_topic_of_an_earlier_configuration_is_given_up(mosquitto: Mosquitto) -> None:
    with sensing(mosquitto.port, SCALE):
        pass
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, BEAM) as drained:
        peer.publish(str(SCALE.topic), "1")
        wait_until(lambda: drained.driver.counts["foreign"] == 1)
        # When this comes back to us, the broker has dealt with all that we sent before.
        drained.driver._connection.call(lambda client: client.publish(str(BEAM.topic), "off"))
        wait_until(lambda: drained.values() == [False])
        peer.publish(str(SCALE.topic), "2")
        peer.publish(str(BEAM.topic), "on")
        wait_until(lambda: drained.values() == [False, True])
        assert drained.driver.counts["foreign"] == 1


@pytest.mark.server
def test_nothing_of_qos_1_is_lost_when_the_core_does_not_keep_up(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.drivers.mqtt.HOLD_BACK_S", 0.05)
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, SCALE, waiting=50) as drained:
        for n in range(500):
            peer.send(str(SCALE.topic), str(n))
        wait_until(lambda: drained.driver.counts["turned_away"] >= 1)
        seen: list[object] = []

        def all_there() -> bool:
            seen[:] = drained.values(SCALE.id)
            drained.acknowledge()
            return set(seen) == {float(n) for n in range(500)}

        wait_until(all_there, 60.0)
        assert list(dict.fromkeys(seen)) == [float(n) for n in range(500)], "order survives"
    assert "come faster than they are handled" in caplog.text


@pytest.mark.server
def test_holding_back_ends_as_soon_as_there_is_space(mosquitto: Mosquitto) -> None:
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, SCALE, waiting=10) as drained:
        for n in range(300):
            peer.send(str(SCALE.topic), str(n), qos=0)
        wait_until(lambda: drained.count() == 300)
        assert drained.values(SCALE.id) == [float(n) for n in range(300)]
        assert drained.driver.counts.total() == 0


@pytest.mark.server
def test_closing_does_not_wait_for_space(mosquitto: Mosquitto) -> None:
    with MqttPeer(mosquitto.port) as peer, sensing(mosquitto.port, SCALE, waiting=1) as drained:
        for n in range(10):
            peer.publish(str(SCALE.topic), str(n))
        wait_until(lambda: drained.driver._inbox)
        begun_s = time.monotonic()
        drained.driver.close()
        assert time.monotonic() - begun_s < 1.9


@pytest.mark.server
def test_it_subscribes_again_when_the_broker_has_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Mosquitto(tmp_path, persistent=False) as broker:  # noqa: SIM117
        with sensing(broker.port, BEAM) as drained:
            broker.restart()
            wait_until(lambda: "has forgotten our session" in caplog.text, 15.0)
            with MqttPeer(broker.port) as peer:
                peer.publish(str(BEAM.topic), "on")
                wait_until(lambda: drained.values() == [True])


def test_a_refused_subscription_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """A broker that lets us listen to the first topic only."""
    connack, granted, refused = b"\x20\x03\x00\x00\x00", b"\x01", b"\x87"
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1_000)
                client.sendall(connack)
                number = client.recv(1_000)[2:4]
                client.sendall(b"\x90\x05" + number + b"\x00" + granted + refused)
                client.recv(1_000)

        thread = threading.Thread(target=serve)
        thread.start()
        with sensing(server.getsockname()[1], BEAM, SCALE) as drained:
            wait_until(lambda: drained.driver.trouble is not None)
            assert drained.driver.trouble == "the MQTT broker refuses the subscription to scale1"
        thread.join()
    assert "these sensors say nothing" in caplog.text


def test_an_absent_broker_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with sensing(port, BEAM, up=False) as drained:
        wait_until(lambda: drained.driver.trouble is not None)
        assert drained.driver.trouble == (
            f"no MQTT broker answers at 127.0.0.1:{port} (connection refused)"
        )
        assert drained.count() == 0
    assert len([r for r in caplog.records if "sensors:" in r.getMessage()]) == 1


def test_without_sensors_nothing_connects() -> None:
    driver = MqttSensors(context(free_port()))
    driver.start()
    driver.drain(Inputs(), NOW_US)
    driver.close()


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        (None, "it needs a topic"),
        ("", "it needs a topic"),
        ("door/+/beam", "no wildcard"),
        ("door/#", "no wildcard"),
        ("$SYS/uptime", "no \\$ at the beginning"),
        ("a\0b", "must be that of one sensor"),
    ],
)
def test_a_topic_is_that_of_one_sensor(topic: str | None, words: str) -> None:
    sensor = SensorConfig(id="s", kind=SensorKind.BEAM, topic=topic)
    with pytest.raises(DriverError, match=words):
        MqttSensors(context(1883, sensor))


def test_a_site_without_a_broker_is_told() -> None:
    with pytest.raises(DriverError, match="need a broker"):
        MqttSensors(context(None, BEAM))
