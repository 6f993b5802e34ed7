"""Every line of the daemon fails in every way for a while, and nothing is lost."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from tests.databases import Influx1
from tests.mqtt_peer import MqttPeer
from tests.proof.fault_proxy import FAULTS, SILENT_S, FaultProxy, fate_of
from tests.proof.figures import publish, size
from tests.servers import Mosquitto, wait_until
from tests.system.daemon import Daemon
from tests.system.deliveries import check_sink, check_stories, read_store
from tests.system.emulator import Emulator
from tests.system.sites import write_example

FAULTS_S = size("fault_seconds", short=12, long=300)
SEED = size("fault_seed", short=3, long=4)
TOPIC = "rfid/dc-north/movements"
SINKS = ("plant", "wms", "log", "influxdb")
DRAIN_S = 90.0
#: Movements without which nothing would be proved.
ENOUGH = 50


class Receiver(ThreadingHTTPServer):
    """Takes webhooks; `bodies` are the movements that came whole, in order."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.bodies: list[bytes] = []
        self.lock = threading.Lock()

    @contextmanager
    def listening(self) -> Iterator[int]:
        """The port, while it listens."""
        thread = threading.Thread(target=self.serve_forever, args=(0.02,), name="receiver")
        thread.start()
        try:
            yield self.server_address[1]
        finally:
            self.shutdown()
            thread.join()
            self.server_close()


class _Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10.0
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) == length:
            with self.server.lock:
                self.server.bodies.append(orjson.dumps(orjson.loads(body)["data"]))
        self.send_response(204)
        self.end_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


def echo_server() -> socket.socket:
    """Sends 10,000 octets to whoever comes, and then what it is sent."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"x" * 10_000)

    threading.Thread(target=serve, daemon=True).start()
    return listener


def test_a_seed_gives_the_same_failures_again_and_all_of_them_in_time() -> None:
    fates = [fate_of(7, number) for number in range(200)]
    assert fates == [fate_of(7, number) for number in range(200)]
    assert fates != [fate_of(8, number) for number in range(200)]
    assert {fate.fault for fate in fates} == set(FAULTS)


def test_each_failure_is_what_it_is_called() -> None:
    listener = echo_server()
    seen: Counter[str] = Counter()
    with FaultProxy(listener.getsockname()[1], seed=7) as line:
        for number in range(40):
            fate = fate_of(7, number)
            if seen[fate.fault]:
                with socket.create_connection(("127.0.0.1", line.port)):
                    continue
            seen[fate.fault] += 1
            patience_s = 1.0 if _END[fate.fault] == "not yet" else 10.0
            got, ended = _read(line.port, patience_s)
            assert ended == _END[fate.fault], fate
            if fate.fault in ("whole", "delay", "doubled"):
                assert got == 10_000
            elif fate.fault in ("reset", "truncated", "half-open"):
                assert got <= fate.after, fate
        line.heal()
        wait_until(lambda: _read(line.port, patience_s=5.0) == (10_000, "in good order"))
    # On some systems closing does not wake who accepts.
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    assert set(seen) == set(FAULTS)
    assert SILENT_S > 15.0, "longer than the daemon takes to notice"


_END = {
    "whole": "in good order",
    "delay": "in good order",
    "doubled": "in good order",
    "slow": "not yet",
    "reset": "hard",
    "truncated": "in good order",
    "half-open": "not yet",
    "refused": "hard",
}


def _read(port: int, patience_s: float) -> tuple[int, str]:
    """How much comes through a line, and how it ends."""
    got = 0
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(patience_s)
        ends_at_s = time.monotonic() + patience_s
        try:
            while data := client.recv(1 << 16):
                got += len(data)
                if time.monotonic() > ends_at_s:
                    return got, "not yet"
        except TimeoutError:
            return got, "not yet"
        except ConnectionResetError:
            return got, "hard"
    return got, "in good order"


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(240 + 2 * FAULTS_S)
def test_nothing_is_lost_while_every_line_fails_as_a_seed_says(
    tmp_path: Path,
    mosquitto: Mosquitto,
    influx1: Influx1,
    warehouse: Emulator,
    daemon_on: Callable[..., Daemon],
    cleared_away: ExitStack,
) -> None:
    receiver = Receiver()
    hook = FaultProxy(cleared_away.enter_context(receiver.listening()), SEED)
    broker = FaultProxy(mosquitto.port, SEED + 1)
    database = FaultProxy(urlsplit(influx1.url).port or 0, SEED + 2)
    readers = {
        name: FaultProxy(port, SEED + 3 + number)
        for number, (name, port) in enumerate(sorted(warehouse.ports.items()))
    }
    lines = [
        cleared_away.enter_context(line) for line in (hook, broker, database, *readers.values())
    ]
    url = f"http://127.0.0.1:{hook.port}/hook"
    site = write_example(
        tmp_path / "site", {name: line.port for name, line in readers.items()}, broker.port,
        sinks=[
            {"name": "plant", "kind": "mqtt"},
            {"name": "wms", "kind": "webhook", "url": url, "allow": ["127.0.0.1"], "timeout": "5s"},
            {"name": "log", "kind": "file"},
        ],
        influxdb={"api": "v1", "url": f"http://127.0.0.1:{database.port}", "database": "rfid"},
    )  # fmt: skip
    daemon = daemon_on(site)
    with MqttPeer(mosquitto.port, TOPIC, client_id="wms") as upstream:
        daemon.start()
        time.sleep(FAULTS_S)
        for line in lines:
            line.heal()
        wait_until(lambda: all(_up(daemon, reader) for reader in readers), DRAIN_S)
        # How much came through while the lines failed is chance; some traffic has to be there.
        wait_until(lambda: len(_movements(daemon)) >= ENOUGH, DRAIN_S)
        warehouse.stop()
        wait_until(lambda: not any(_pending(daemon, sink) for sink in SINKS), DRAIN_S)
        daemon.stop()
        stored = read_store(daemon.store, tmp_path / "copy")
        assert set(stored.delivered.values()) == {stored.newest}
        wait_until(lambda: len(set(upstream.on(TOPIC))) >= len(stored.movements), 10.0)
        given = {
            "plant": upstream.on(TOPIC),
            "wms": receiver.bodies,
            "log": (site / "data" / "movements.jsonl").read_bytes().splitlines(),
        }
    repeated = {sink: check_sink(stored, sink, bodies) for sink, bodies in given.items()}
    assert {row["id"] for row in influx1.rows("movement")} == stored.movements.keys()
    check_stories(stored)
    daemon.assert_no_traceback()
    assert len(stored.movements) >= ENOUGH
    met = Counter(fate.fault for line in lines for fate in line.fates)
    publish(
        "fault_lines",
        {"seconds": FAULTS_S, "seed": SEED, "connections": dict(met),
         "movements": len(stored.movements), "lost": 0, "repeated": repeated},
    )  # fmt: skip


def _movements(daemon: Daemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.get("/api/v1/movements?limit=1000")["movements"]
    return found


def _pending(daemon: Daemon, sink: str) -> float:
    return daemon.metric(f'rfid_gateway_outbox_pending{{sink="{sink}"}}')


def _up(daemon: Daemon, reader: str) -> bool:
    return bool(daemon.reader(reader)["state"] == "up")
