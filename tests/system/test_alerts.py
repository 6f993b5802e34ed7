"""Rules in a running daemon: told on a real broker, kept over a kill, changed while it runs."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.http_peer import HttpPeer
from tests.mqtt_peer import MqttPeer
from tests.servers import Mosquitto, eventually, wait_until
from tests.system.daemon import Daemon
from tests.system.emulator import Emulator
from tests.system.processes import run
from tests.system.sites import write_small

ALERTS = "rfid/small/alerts/#"
RULES = """
rules:
  - id: came
    on: movement
    where: {kind: arrived}
    alert:
      severity: warning
      key: [epc]
      group: [zone]
      group_wait: 3s
      summary: "{epc} came to {zone.name}"
    latch: true
"""

WRONG_TEST = """
    tests:
      - events: [{at: 0s, arrived: {epc: E1, to: zone-dock}}, {at: 1m}]
        expect: []
"""
STAYED = """
rules:
  - id: stayed
    on: movement
    where: {kind: arrived}
    for: 12s
    alert: {key: [epc], group: [zone], group_wait: 3s, summary: "{epc} stayed in {zone.name}"}
"""


@pytest.mark.server
def test_an_alert_is_told_once_survives_a_kill_and_ends_when_a_person_has_seen_it(
    tmp_path: Path,
    mosquitto: Mosquitto,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=5))
    site = write_small(
        tmp_path / "site",
        {"dock": emulator.ports["reader-1"]},
        mqtt={"port": mosquitto.port},
        sinks=[{"name": "plant", "kind": "mqtt"}],
    )
    (site / "rules").mkdir()
    (site / "rules" / "came.yaml").write_text(RULES)
    daemon = daemon_on(site)
    with MqttPeer(mosquitto.port, ALERTS, client_id="people") as people:

        def told() -> list[dict[str, Any]]:
            # At least once: what a crash sends again is the same, to the letter.
            return [json.loads(payload) for payload in dict.fromkeys(people.payloads)]

        daemon.start()
        wait_until(lambda: any(a["count"] == 5 for a in _alerts(daemon)), 15.0)
        wait_until(lambda: len(told()) == 1, 5.0)
        daemon.kill()
        daemon.start()
        (alert,) = _alerts(daemon)
        assert alert["id"] == told()[0]["id"]
        assert alert["state"] == "firing"
        why = run("rules", "explain", "came", alert["fields"]["epc"], "--api", daemon.url)
        assert why.code == 0, why.err
        assert "  yes  kind: wanted arrived; saw arrived\n  → firing, holds for " in why.out
        assert f"  alert {alert['id'][:8]} firing since " in why.out
        assert "5 together: told" in why.out
        assert "came  movement  warning   0        5" in run("rules", "ls", "--api", daemon.url).out
        said = run("alerts", "ack", alert["id"][:8], "--by", "ann", "--api", daemon.url)
        assert said.code == 0, said.err
        wait_until(lambda: [a["state"] for a in _alerts(daemon)] == ["resolved"], 10.0)
        wait_until(lambda: len(told()) == 2, 5.0)
        assert [a["state"] for a in told()] == ["firing", "resolved"]
        assert told()[1]["acknowledged"]["by"] == "ann"
        daemon.stop()
    daemon.assert_no_traceback()


def test_what_is_pending_when_the_daemon_is_killed_fires_when_its_time_is_over(
    tmp_path: Path,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=3))
    site = write_small(
        tmp_path / "site",
        {"dock": emulator.ports["reader-1"]},
        sinks=[{"name": "log", "kind": "file", "path": "told.jsonl", "kinds": ["alert"]}],
    )
    (site / "rules").mkdir()
    (site / "rules" / "came.yaml").write_text(STAYED)
    daemon = daemon_on(site)
    told = site / "data" / "told.jsonl"
    daemon.start()
    wait_until(lambda: len(daemon.get("/api/v1/movements")["movements"]) == 3, 15.0)
    daemon.kill()
    assert not told.exists() or told.read_bytes() == b"", "it fired too soon to be pending"
    daemon.start()
    wait_until(lambda: told.exists() and told.read_bytes().endswith(b"\n"), 30.0)
    daemon.kill()
    daemon.start()
    wait_until(lambda: _alerts(daemon) != [], 5.0)
    daemon.stop()
    lines = dict.fromkeys(told.read_bytes().splitlines())
    (alert,) = [json.loads(line) for line in lines]
    assert (alert["state"], alert["count"]) == ("firing", 3)
    waited_s = _time_s(alert["fired"]) - _time_s(alert["started"])
    assert waited_s == pytest.approx(12.0, abs=0.01)
    daemon.assert_no_traceback()


def _time_s(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def test_rules_are_taken_up_while_it_runs_and_wrong_ones_leave_the_old_ones_in_force(
    tmp_path: Path, daemon_on: Callable[..., Daemon]
) -> None:
    site = write_small(tmp_path / "site", {"dock": 1})
    (site / "rules").mkdir()
    daemon = daemon_on(site)
    daemon.start()
    rules = site / "rules" / "came.yaml"
    rules.write_text(RULES)
    assert run("reload", "--api", daemon.url).out == "1 rule taken up\n"
    said = run("rules", "explain", "cane", "--api", daemon.url)
    assert (said.code, said.out) == (1, "")
    assert "the gateway has no rule 'cane'; did you mean 'came'?" in said.err
    said = run("rules", "explain", "came", "3034257BF7194E4000001A85", "--api", daemon.url)
    assert "the tag has not moved: no movement of it is in the store" in said.out
    assert daemon.get("/api/v1/rules/came/explain")["looks"] == []
    said = run("alerts", "silence", "--rule", "cane", "--for", "2h", "--api", daemon.url)
    assert "there is no rule 'cane'; did you mean 'came'?" in said.err
    said = run("alerts", "silence", "--match", "zoen=a", "--for", "2h", "--api", daemon.url)
    assert "alerts have no field 'zoen'; did you mean 'zone'?" in said.err
    said = run("alerts", "silence", "--rule", "came", "--for", "2", "--api", daemon.url)
    assert "'2' has no unit: write 2m for minutes, or 2h for hours" in said.err
    rules.write_text(RULES.replace("kind: arrived", "kind: arived"))
    said = run("reload", "--api", daemon.url)
    assert said.code == 1
    assert "came.yaml:5:" in said.err
    assert "arrived" in said.err
    assert daemon.metric("rfid_gateway_config_last_reload_successful") == 0
    rules.write_text(RULES + WRONG_TEST)
    said = run("reload", "--api", daemon.url)
    assert said.code == 1
    assert "rules' own tests fail" in said.err
    rules.write_text(RULES)
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: daemon.metric("rfid_gateway_config_last_reload_successful") == 1, 10.0)
    (site / "config" / "gateway.yaml").write_text(json.dumps({"site": {"id": "another"}}))
    said = run("reload", "--api", daemon.url)
    assert said.code == 1
    assert "start the gateway anew" in said.err
    daemon.stop()
    daemon.assert_no_traceback()


def _alerts(daemon: Daemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.get("/api/v1/alerts")["alerts"]
    return found


ROUTES = """
routes:
  - name: ops
    match: {severity: warning}
    to: [ops, wms]
"""


async def test_a_route_tells_those_that_it_names_each_in_its_format(
    tmp_path: Path,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=3))
    async with HttpPeer() as peer:
        hook = {"kind": "webhook", "url": peer.url, "allow": ["127.0.0.0/8"]}
        site = write_small(
            tmp_path / "site",
            {"dock": emulator.ports["reader-1"]},
            sinks=[
                {"name": "ops", "format": "alertmanager", **hook},
                {"name": "wms", **hook},  # takes movements, and what a route sends it
                {"name": "other", "kinds": ["alert"], **hook},
            ],
        )
        (site / "rules").mkdir()
        (site / "rules" / "came.yaml").write_text(RULES + ROUTES)
        daemon = daemon_on(site)
        await asyncio.to_thread(daemon.start)
        await eventually(lambda: len(_told(peer)) == 2, 15.0)
        await eventually(lambda: len(peer.requests) == 5, 5.0)  # with three movements to wms
        bodies = sorted(_told(peer), key=lambda body: "type" in body)
        assert bodies[0]["version"] == "4"
        assert bodies[0]["alerts"][0]["annotations"]["count"] == "3"
        assert bodies[1]["type"] == "rfid-gateway.alert.v1"
        assert bodies[1]["data"]["count"] == 3
        assert peer.faults == []
        await asyncio.to_thread(daemon.stop)
    daemon.assert_no_traceback()


def _told(peer: HttpPeer) -> list[dict[str, Any]]:
    bodies = [request.json for request in peer.requests]
    return [body for body in bodies if body.get("type") != "rfid-gateway.movement.v1"]
