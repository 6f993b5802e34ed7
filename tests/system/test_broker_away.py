"""Without its broker the daemon goes on: movements wait, it says so, and later all arrive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mqtt_peer import MqttPeer
from tests.servers import Mosquitto, wait_until
from tests.system.daemon import Daemon
from tests.system.deliveries import check_sink, read_store
from tests.system.emulator import Emulator
from tests.system.sites import write_small

TOPIC = "rfid/small/movements"
PENDING = 'rfid_gateway_outbox_pending{sink="plant"}'
LOG_PENDING = 'rfid_gateway_outbox_pending{sink="log"}'


@pytest.mark.server
def test_movements_wait_for_a_broker_that_comes_late_goes_and_comes_again(
    tmp_path: Path,
    mosquitto: Mosquitto,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 2, tags=20))
    ports = {"early": emulator.ports["reader-1"], "late": 1}
    sinks = [{"name": "plant", "kind": "mqtt"}, {"name": "log", "kind": "file"}]
    site = write_small(tmp_path / "site", ports, mqtt={"port": mosquitto.port}, sinks=sinks)
    with MqttPeer(mosquitto.port, TOPIC, client_id="wms") as upstream:
        mosquitto.stop()
        daemon = daemon_on(site)
        daemon.start()
        wait_until(lambda: daemon.metric(PENDING) == 20, 15.0)
        wait_until(lambda: daemon.metric(LOG_PENDING) == 0)
        assert daemon.fetch("/healthz")[0] == 200
        assert any(
            "plant" in m and "no MQTT broker answers" in m and "wait in the outbox" in m
            for m in daemon.messages()
        )
        mosquitto.start()
        wait_until(lambda: daemon.metric(PENDING) == 0, 20.0)
        wait_until(lambda: len(upstream.on(TOPIC)) == 20, 10.0)
        mosquitto.stop()
        daemon.stop()
        write_small(
            site,
            {"early": 1, "late": emulator.ports["reader-2"]},
            mqtt={"port": mosquitto.port},
            sinks=sinks,
        )
        daemon.start()
        wait_until(lambda: daemon.metric(PENDING) == 20, 15.0)
        daemon.stop()
        daemon.start()
        wait_until(lambda: daemon.metric(PENDING) == 20)
        mosquitto.start()
        wait_until(lambda: len(set(upstream.on(TOPIC))) == 40, 20.0)
        wait_until(lambda: daemon.metric(PENDING) == 0, 20.0)
        daemon.stop()
        stored = read_store(daemon.store, tmp_path / "copy")
        assert check_sink(stored, "plant", upstream.on(TOPIC)) == 0
    lines = (site / "data" / "movements.jsonl").read_bytes().splitlines()
    assert check_sink(stored, "log", lines) == 0


def test_a_file_that_cannot_be_written_holds_its_sink_and_no_other(
    tmp_path: Path, begun: Callable[[Emulator], Emulator], daemon_on: Callable[..., Daemon]
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=20))
    (tmp_path / "occupied").write_text("this is no folder")
    sinks = [
        {"name": "log", "kind": "file"},
        {"name": "share", "kind": "file", "path": str(tmp_path / "occupied" / "movements.jsonl")},
    ]
    ports = {"dock": emulator.ports["reader-1"]}
    daemon = daemon_on(write_small(tmp_path / "site", ports, sinks=sinks))
    daemon.start()
    wait_until(lambda: daemon.metric('rfid_gateway_outbox_pending{sink="share"}') == 20, 15.0)
    wait_until(lambda: daemon.metric(LOG_PENDING) == 0)
    (told,) = [m for m in daemon.messages() if m.startswith("sink share")]
    assert "occupied/movements.jsonl cannot be written" in told
    assert daemon.stop() < 5.0
