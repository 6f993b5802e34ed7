"""Killed again and again during traffic, the daemon loses nothing and tells nothing twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mqtt_peer import MqttPeer
from tests.proof.figures import percentile, publish, size
from tests.servers import Mosquitto, wait_until
from tests.system.daemon import Daemon
from tests.system.deliveries import Stored, check_sink, check_stories, read_store
from tests.system.emulator import Emulator

#: The whole command with real readers and a real broker; tests/proof kills more often.
KILLS = size("daemon_kills", short=5, long=200)
TOPIC = "rfid/dc-north/movements"
MOVEMENTS = [f'rfid_gateway_movements_total{{kind="{kind}"}}' for kind in ("arrived", "moved")]
#: In this time somebody in the warehouse moves something, also on a slow machine.
TRAFFIC_S = 60.0


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.timeout(180 + 30 * KILLS)
def test_nothing_is_lost_or_told_anew_however_often_the_daemon_is_killed(
    tmp_path: Path,
    mosquitto: Mosquitto,
    warehouse: Emulator,
    daemon_on: Callable[..., Daemon],
) -> None:
    daemon = daemon_on(tmp_path / "site")
    rng = random.Random(KILLS)
    with MqttPeer(mosquitto.port, TOPIC, client_id="wms") as upstream:
        for number in range(KILLS):
            if number % 3 == 2:  # a third of the kills fall into the start
                daemon.spawn()
                time.sleep(rng.uniform(0.0, 1.2))
            else:
                _start_and_go_on(daemon, tmp_path / "copy")
                _wait_for_traffic(daemon)
                time.sleep(rng.uniform(0.0, 0.5))
            daemon.kill()
        _start_and_go_on(daemon, tmp_path / "copy")
        time.sleep(2.0)
        warehouse.stop()
        wait_until(lambda: daemon.metric('rfid_gateway_outbox_pending{sink="mqtt"}') == 0, 20.0)
        wait_until(lambda: daemon.metric('rfid_gateway_outbox_pending{sink="log"}') == 0, 20.0)
        daemon.stop()
        stored = read_store(daemon.store, tmp_path / "copy")
        assert stored.delivered == {"mqtt": stored.newest, "log": stored.newest}
        wait_until(lambda: len(set(upstream.payloads)) >= len(stored.movements), 10.0)
        again = check_sink(stored, "mqtt", upstream.on(TOPIC))
    lines = (tmp_path / "site" / "data" / "movements.jsonl").read_bytes().splitlines()
    again_in_file = check_sink(stored, "log", lines)
    check_stories(stored)
    daemon.assert_no_traceback()
    assert len(stored.movements) >= KILLS // 2, "too little traffic to prove anything"
    _report(daemon, stored, again, again_in_file)


def _start_and_go_on(daemon: Daemon, scratch: Path) -> None:
    """Who was present when the daemon was killed is present after its start, in the same zone."""
    if not daemon.store.exists():
        daemon.start()
        return
    before = read_store(daemon.store, scratch)
    daemon.start()
    page = daemon.get("/api/v1/tags?limit=1000")
    assert page["next"] is None
    now = {tag["epc"]: tag for tag in page["tags"]}
    later = daemon.get(f"/api/v1/movements?limit=1000&after={before.newest}")["movements"]
    moved = {movement["epc"] for movement in later}
    assert daemon.tags_known_at_start >= len(before.zones)
    for epc in before.zones.keys() - moved:
        assert now[epc]["zone"] == before.zones[epc]
        assert now[epc]["state"] in ("present", "unknown")


def _wait_for_traffic(daemon: Daemon) -> None:
    """Until this life has committed something, so that there is something to lose."""
    wait_until(lambda: any(daemon.metric(series) for series in MOVEMENTS), TRAFFIC_S)


def _report(daemon: Daemon, stored: Stored, again: int, again_in_file: int) -> None:
    publish(
        "daemon_kills",
        {
            "kills": KILLS,
            "movements": len(stored.movements),
            "lost": 0,
            "repeated_mqtt": again,
            "repeated_file": again_in_file,
            "ready_p50_s": percentile(daemon.ready_after_s, 0.5),
            "ready_p99_s": percentile(daemon.ready_after_s, 0.99),
        },
    )
