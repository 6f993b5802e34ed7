"""The connection to the broker: kept up by itself, with words for whatever is wrong."""

from __future__ import annotations

import contextlib
import random
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from gateway.broker.connection import BrokerConnection
from gateway.model.delivery import BrokerConfig, Secret
from tests.mqtt_peer import MqttPeer
from tests.servers import Mosquitto, free_port, require, wait_until

CONNACK_3_1_1 = b"\x20\x02\x00\x00"
CONNACK_5 = b"\x20\x03\x00\x00\x00"


class Heard:
    """A listener that remembers what it was told."""

    def __init__(self) -> None:
        self.up = 0
        self.sessions: list[bool] = []
        self.reasons: list[str] = []
        self.messages: list[MQTTMessage] = []
        self.acknowledged: list[int] = []
        self.subscriptions: list[list[ReasonCode]] = []
        self.on_connected: Callable[[Client], object] = lambda _: None

    def connected(self, client: Client, session_present: bool) -> None:
        self.up += 1
        self.sessions.append(session_present)
        self.on_connected(client)

    def lost(self, reason: str) -> None:
        self.reasons.append(reason)

    def received(self, client: Client, message: MQTTMessage) -> None:
        self.messages.append(message)

    def published(self, mid: int, code: ReasonCode) -> None:
        self.acknowledged.append(mid)

    def subscribed(self, mid: int, codes: list[ReasonCode]) -> None:
        self.subscriptions.append(codes)


@contextlib.contextmanager
def connecting(
    port: int, heard: Heard, *, session: bool = False, **config: object
) -> Iterator[BrokerConnection]:
    settings = BrokerConfig(port=port, client_id="gw", **config)  # type: ignore[arg-type]
    connection = BrokerConnection(settings, heard, purpose="test", session=session)
    connection.start()
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """A server that sends the n-th answer to the n-th client (the last to all others)."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        clients: list[socket.socket] = []

        def serve() -> None:
            while not ended.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = server.accept()
                    clients.append(client)
                    client.settimeout(1.0)
                    with contextlib.suppress(OSError):
                        client.recv(1_000)
                        client.sendall(answers[min(len(clients), len(answers)) - 1])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()
            for client in clients:
                client.close()


def test_construction_does_nothing_and_closing_twice_is_fine() -> None:
    connection = BrokerConnection(BrokerConfig(), Heard(), purpose="test")
    assert not connection.call(lambda _: None)
    connection.close()
    connection.close()


@pytest.mark.server
def test_it_connects_publishes_and_says_goodbye(mosquitto: Mosquitto) -> None:
    heard = Heard()
    with MqttPeer(mosquitto.port, "t") as peer, connecting(mosquitto.port, heard) as connection:
        wait_until(lambda: heard.up)
        assert connection.connected
        assert connection.call(lambda client: client.publish("t", b"x", 1))
        wait_until(lambda: heard.acknowledged)
        wait_until(lambda: peer.payloads == [b"x"])
        connection.close()
        assert not connection.call(lambda _: None)
        assert heard.reasons == [], "a goodbye is no loss"


@pytest.mark.server
def test_it_comes_back_by_itself_after_the_broker_was_away(mosquitto: Mosquitto) -> None:
    heard = Heard()
    with connecting(mosquitto.port, heard) as connection:
        for n in range(1, 3):
            wait_until(lambda n=n: heard.up == n, 15.0)  # type: ignore[misc]
            mosquitto.kill()
            wait_until(lambda: not connection.connected)
            wait_until(lambda: "connection refused" in connection.trouble)
            mosquitto.start()
        wait_until(lambda: heard.up == 3, 15.0)
    assert "was lost" in heard.reasons[0]
    assert "no MQTT broker answers at 127.0.0.1:" in heard.reasons[1]


@pytest.mark.server
def test_a_session_keeps_what_came_while_we_were_away(mosquitto: Mosquitto) -> None:
    heard = Heard()
    heard.on_connected = lambda client: client.subscribe("t", 1)
    with connecting(mosquitto.port, heard, session=True):
        wait_until(lambda: heard.subscriptions)
    with MqttPeer(mosquitto.port) as peer:
        peer.publish("t", b"meanwhile")
    with connecting(mosquitto.port, heard, session=True) as connection:
        wait_until(lambda: heard.messages)
        assert heard.sessions == [False, True]
        connection.reset()
        wait_until(lambda: len(heard.messages) == 2)
        assert heard.messages[1].dup, "what was not acknowledged comes again"
        assert connection.call(lambda client: client.ack(heard.messages[1].mid, 1))


@pytest.mark.server
def test_many_threads_may_call(mosquitto: Mosquitto) -> None:
    heard = Heard()
    with MqttPeer(mosquitto.port, "t/#") as peer, connecting(mosquitto.port, heard) as connection:
        wait_until(lambda: heard.up)

        def publish(number: int) -> None:
            for n in range(200):
                connection.call(lambda client, n=n: client.publish(f"t/{number}", b"%d" % n, 1))  # type: ignore[misc]

        threads = [threading.Thread(target=publish, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_until(lambda: len(peer.messages) == 800)
        for number in range(4):
            assert peer.on(f"t/{number}") == [b"%d" % n for n in range(200)]


@pytest.mark.server
def test_mistakes_of_listeners_and_callers_do_not_end_the_connection(mosquitto: Mosquitto) -> None:
    heard = Heard()
    heard.on_connected = lambda _: 1 / 0
    with connecting(mosquitto.port, heard) as connection:
        wait_until(lambda: connection.connected)
        done = threading.Event()
        assert connection.call(lambda _: 1 / 0)
        assert connection.call(lambda _: done.set())
        assert done.wait(5.0)


def test_a_refused_connection_is_told_in_words() -> None:
    port, heard = free_port(), Heard()
    with connecting(port, heard) as connection:
        wait_until(lambda: heard.reasons)
        expected = f"no MQTT broker answers at 127.0.0.1:{port} (connection refused)"
        assert heard.reasons[0] == expected
        assert connection.trouble == expected
        assert not connection.refused


def test_a_name_that_does_not_exist_is_told_in_words() -> None:
    heard = Heard()
    with connecting(1883, heard, host="no-such-host.invalid"):
        wait_until(lambda: heard.reasons, 10.0)
    assert heard.reasons[0] == (
        "the name of the MQTT broker at no-such-host.invalid:1883 cannot be resolved"
    )


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="a web server"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", id="an SSH server"),
        pytest.param(b"\x20\xff\xff\xff\xff\xff", id="an endless length"),
        pytest.param(b"\x20\x00", id="an empty CONNACK"),
        pytest.param(b"\x20\x03\x00\x00\xff", id="properties beyond the end"),
        pytest.param(CONNACK_5 + b"\x30\x01\x00", id="a PUBLISH without a topic"),
        pytest.param(CONNACK_5 + b"\x30\x04\x00\x02\xff\xfe", id="a topic that is not UTF-8"),
        pytest.param(CONNACK_5 + b"\x40\x00", id="an empty PUBACK"),
        pytest.param(CONNACK_5 + b"\x90\x01\x00", id="a short SUBACK"),
        pytest.param(CONNACK_5 + b"\xf0\x00", id="an AUTH from nowhere"),
        pytest.param(CONNACK_5 + b"\x00\x00", id="a packet of no type"),
    ],
)
def test_what_is_not_mqtt_ends_the_connection_and_nothing_else(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.broker.link.CONNACK_S", 0.5)
    heard = Heard()
    with answering(answer) as port, connecting(port, heard) as connection:
        wait_until(lambda: heard.reasons or heard.messages, 10.0)
        assert connection._thread.is_alive()
    assert all("MQTT" in reason for reason in heard.reasons)


def test_random_bytes_never_end_the_thread() -> None:
    rng = random.Random(5)
    answers = [CONNACK_5 + rng.randbytes(rng.randrange(1, 60)) for _ in range(6)]
    answers += [rng.randbytes(rng.randrange(1, 60)) for _ in range(6)]
    for answer in answers:
        heard = Heard()
        with answering(answer + b"\x00" * 300) as port, connecting(port, heard) as connection:
            wait_until(lambda heard=heard: heard.reasons or heard.up, 10.0)  # type: ignore[misc]
            assert connection._thread.is_alive()


def test_silence_after_connecting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.broker.link.CONNACK_S", 0.3)
    heard = Heard()
    with answering(b"") as port, connecting(port, heard):
        wait_until(lambda: heard.reasons)
    assert heard.reasons[0] == f"what answers at 127.0.0.1:{port} does not speak MQTT"


def test_the_two_versions_of_the_protocol_take_turns_until_one_is_spoken() -> None:
    heard = Heard()
    # Code 1 to an MQTT 5 greeting is how a broker of 3.1.1 says that it does not know it.
    with answering(b"\x20\x02\x00\x01", CONNACK_3_1_1) as port, connecting(port, heard):
        wait_until(lambda: heard.up, 10.0)
    assert heard.reasons == [], "a broker that says what it speaks is no trouble"


def test_a_broker_that_speaks_neither_version_is_told() -> None:
    heard = Heard()
    with answering(b"\x20\x02\x00\x01") as port, connecting(port, heard):
        wait_until(lambda: heard.reasons)
    assert heard.reasons[0] == f"what answers at 127.0.0.1:{port} does not speak MQTT"


@pytest.mark.parametrize(
    ("code", "refused", "words"),
    [
        (0x86, True, "bad user name or password"),
        (0x87, True, "not authorized"),
        (0x85, True, "client identifier not valid"),
        (0x88, False, "server unavailable"),
        (0x89, False, "server busy"),
    ],
)
def test_refusals_tell_what_concerns_our_configuration(
    code: int, refused: bool, words: str
) -> None:
    heard = Heard()
    with answering(b"\x20\x03\x00" + bytes([code]) + b"\x00") as port:  # noqa: SIM117
        with connecting(port, heard, username="u", password=Secret("p")) as connection:
            wait_until(lambda: heard.reasons)
            assert connection.refused is refused
    assert heard.reasons[0] == f"the MQTT broker at 127.0.0.1:{port} refuses us ({words})"


def test_a_broker_that_ends_the_connection_says_why() -> None:
    heard = Heard()
    with answering(CONNACK_5 + b"\xe0\x02\x8e\x00") as port, connecting(port, heard):
        wait_until(lambda: heard.reasons)
    assert "ended the connection (session taken over)" in heard.reasons[0]


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A certificate authority with a certificate for 127.0.0.1, and another authority."""
    openssl = require("openssl")

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], check=True, capture_output=True, cwd=tmp_path)

    for name in ("ca", "other"):
        run(
            *(
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                f"/CN={name}",
            ),
            *("-keyout", f"{name}.key", "-out", f"{name}.crt"),
        )
    run(
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker"),
        *("-keyout", "broker.key", "-out", "broker.csr"),
    )
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    run(
        *("x509", "-req", "-in", "broker.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-days", "2"),
        *("-CAcreateserial", "-extfile", "names", "-out", "broker.crt"),
    )
    return tmp_path


@pytest.mark.server
def test_tls_with_a_trusted_certificate_works_and_others_are_told(certificates: Path) -> None:
    folder = certificates
    broker = Mosquitto(folder)
    with (folder / "mosquitto.conf").open("a") as configuration:
        configuration.write(
            f"cafile {folder}/ca.crt\ncertfile {folder}/broker.crt\nkeyfile {folder}/broker.key\n"
        )
    with broker:
        heard = Heard()
        with connecting(broker.port, heard, tls_ca=str(folder / "ca.crt")) as connection:
            wait_until(lambda: heard.up)
            connection.call(lambda client: client.publish("t", b"x" * 100_000, 1))
            wait_until(lambda: heard.acknowledged)
        heard = Heard()
        with connecting(broker.port, heard, tls_ca=str(folder / "other.crt")) as connection:
            wait_until(lambda: heard.reasons)
            assert connection.refused
            assert "is not trusted" in heard.reasons[0]
            assert "see mqtt.tls" in heard.reasons[0]
        heard = Heard()
        with connecting(broker.port, heard, tls_ca=str(folder / "missing.crt")) as connection:
            wait_until(lambda: heard.reasons)
            assert connection.refused
            assert "a file of mqtt.tls cannot be used (No such file" in heard.reasons[0]
        heard = Heard()
        with connecting(broker.port, heard):
            wait_until(lambda: heard.reasons)
        assert f"127.0.0.1:{broker.port}" in heard.reasons[0]
    heard = Heard()
    with answering(CONNACK_5) as port, connecting(port, heard, tls_ca=str(folder / "ca.crt")):
        wait_until(lambda: heard.reasons)
    assert "no TLS connection to the MQTT broker at" in heard.reasons[0]
