"""The daemon and a real InfluxDB that goes and comes again: no movement lost, figures after all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.series.points import MEASUREMENTS
from tests.databases import Influx1
from tests.servers import wait_until
from tests.system.daemon import Daemon
from tests.system.deliveries import read_store
from tests.system.emulator import Emulator
from tests.system.sites import write_small

PENDING = 'rfid_gateway_outbox_pending{sink="influxdb"}'
SPOOLED = "rfid_gateway_series_spool_bytes"
#: Readers are told every ten seconds, and an emulated one may take as long on a busy machine.
PATIENCE_S = 90.0


@pytest.mark.server
@pytest.mark.timeout(600)
def test_no_movement_is_lost_while_influxdb_is_away(
    tmp_path: Path,
    influx1: Influx1,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 2, tags=20))
    settings = {"influxdb": {"api": "v1", "url": influx1.url, "database": "rfid"}}
    ports = {"early": emulator.ports["reader-1"], "late": 1}
    site = write_small(tmp_path / "site", ports, **settings)
    daemon = daemon_on(site)
    daemon.start()
    wait_until(lambda: len(arrived(influx1)) == 20, PATIENCE_S)
    wait_until(lambda: influx1.do("SELECT * FROM reader"), PATIENCE_S)
    influx1.kill()
    daemon.stop()
    write_small(site, {"early": 1, "late": emulator.ports["reader-2"]}, **settings)
    daemon.start()
    wait_until(lambda: daemon.metric(PENDING) == 20, PATIENCE_S)
    wait_until(lambda: daemon.metric(SPOOLED) > 0, PATIENCE_S)
    assert daemon.fetch("/healthz")[0] == 200
    daemon.kill()
    daemon.start()
    wait_until(lambda: daemon.metric(PENDING) == 20, PATIENCE_S)
    influx1.start()
    wait_until(lambda: daemon.metric(PENDING) == 0, PATIENCE_S)
    wait_until(lambda: len(arrived(influx1)) == 40, PATIENCE_S)
    wait_until(lambda: has_zone(influx1, "zone-late", 20), PATIENCE_S)
    daemon.stop()
    stored = read_store(daemon.store, tmp_path / "copy")
    assert sorted(arrived(influx1)) == sorted(stored.movements)
    for name, (tags, fields) in influx1.schema().items():
        assert tags <= set(MEASUREMENTS[name].tags)
        assert fields <= set(MEASUREMENTS[name].fields)


@pytest.mark.timeout(300)
def test_without_a_database_the_charts_have_their_figures(
    tmp_path: Path, begun: Callable[[Emulator], Emulator], daemon_on: Callable[..., Daemon]
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=20))
    daemon = daemon_on(write_small(tmp_path / "site", {"dock": emulator.ports["reader-1"]}))
    daemon.start()

    def last(query: str) -> list[float]:
        answer = daemon.get(f"/api/v1/series?{query}")
        assert "series" in answer, answer
        return [points[-1][-1] for s in answer["series"] if (points := s["points"])]

    wait_until(lambda: last("measurement=zone&field=tags&zone=zone-dock") == [20.0], PATIENCE_S)
    wait_until(lambda: sum(last("measurement=reads&field=tags&reader=dock")) == 20.0, PATIENCE_S)
    assert last("measurement=reader&field=up") == [1.0]
    daemon.stop()
    daemon.start()
    assert last("measurement=reader&field=up") == [1.0]
    assert not (tmp_path / "site" / "data" / "spool").exists()
    daemon.stop()


def arrived(database: Influx1) -> list[str]:
    return [str(row["id"]) for row in database.rows("movement")]


def has_zone(database: Influx1, zone: str, tags: int) -> bool:
    found = database.do(f"SELECT last(tags) FROM zone WHERE zone = '{zone}'")
    return bool(found) and found[0]["values"][0][1] == tags
