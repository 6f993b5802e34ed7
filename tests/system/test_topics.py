"""What stands on the broker while the daemon lives, and after it has died."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.mqtt_peer import MqttPeer
from tests.servers import Mosquitto, wait_until
from tests.system.daemon import Daemon
from tests.system.emulator import Emulator
from tests.system.sites import write_small

PREFIX = "rfid/small"


@pytest.mark.server
def test_status_readers_and_zones_are_retained_and_a_death_is_told(
    tmp_path: Path,
    mosquitto: Mosquitto,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=5))
    site = write_small(
        tmp_path / "site", {"dock": emulator.ports["reader-1"]}, mqtt={"port": mosquitto.port}
    )
    daemon = daemon_on(site)
    daemon.start()
    _wait_retained(mosquitto, "zones/zone-dock", lambda zone: zone["tags"] == 5)
    zone = _retained(mosquitto, "zones/zone-dock")
    assert zone["id"] == "zone-dock"
    assert zone["last_change"].endswith("Z")
    _wait_retained(mosquitto, "readers/dock", lambda reader: reader["reads_per_s"] > 10)
    reader = _retained(mosquitto, "readers/dock")
    assert reader["state"] == "up"
    assert "inventory runs" in reader["reason"]
    assert reader["clock_offset_ms"] is None  # its clock is right
    assert [(a["port"], a["state"]) for a in reader["antennas"]] == [(1, "up")]
    assert _status(mosquitto) == b"online"
    emulator.stop()
    _wait_retained(mosquitto, "readers/dock", lambda reader: reader["state"] == "down")
    _wait_retained(mosquitto, "zones/zone-dock", lambda zone: zone["unknown"] == 5)
    daemon.kill()
    wait_until(lambda: _status(mosquitto) == b"offline")
    daemon.start()
    wait_until(lambda: _status(mosquitto) == b"online")
    daemon.stop()
    assert _status(mosquitto) == b"offline"


def _status(broker: Mosquitto) -> bytes:
    return _payload(broker, f"{PREFIX}/status")


def _retained(broker: Mosquitto, topic: str) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(_payload(broker, f"{PREFIX}/{topic}"))
    return state


def _wait_retained(broker: Mosquitto, topic: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    with MqttPeer(broker.port, f"{PREFIX}/{topic}") as peer:
        wait_until(lambda: peer.payloads and holds(json.loads(peer.payloads[-1])), 25.0)


def _payload(broker: Mosquitto, topic: str) -> bytes:
    """What somebody who comes now is given."""
    with MqttPeer(broker.port, topic) as newcomer:
        wait_until(lambda: newcomer.messages)
        assert newcomer.messages[0].retain
        return newcomer.payloads[0]
