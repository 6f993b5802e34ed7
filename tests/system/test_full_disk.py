"""A disk that takes no more: it is said, nothing is lost, and it goes on when there is room."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import wait_until
from tests.system.daemon import Daemon
from tests.system.deliveries import check_sink, check_stories, read_store
from tests.system.emulator import Emulator
from tests.system.faulty_line import FaultyLine
from tests.system.service_manager import ServiceManager
from tests.system.sites import write_small

#: In this time tags have moved, and `healthz` would have lost its patience.
TRIED_S = 12.0


@pytest.mark.slow
def test_movements_wait_for_room_on_the_disk_and_nobody_takes_the_daemon_for_dead(
    tmp_path: Path,
    manager: ServiceManager,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 2, tags=20))
    first, second = emulator.ports.values()  # which have the same tags before them
    with FaultyLine(first) as early, FaultyLine(second) as late:
        late.be("refusing")
        ports = {"early": early.port, "late": late.port}
        site = write_small(tmp_path / "site", ports, sinks=[{"name": "log", "kind": "file"}])
        daemon = daemon_on(site, NOTIFY_SOCKET=manager.address, WATCHDOG_USEC="4000000")
        daemon.start()
        wait_until(lambda: _movements(daemon) == 20, 15.0)
        full = daemon.store.with_name("state.db-wal").stat().st_size
        _, most = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (full, most))
        early.be("refusing")
        late.be("whole")
        wait_until(lambda: daemon.fetch("/readyz")[0] == 503, 15.0)
        assert "cannot be written" in daemon.get("/readyz")["reasons"]["store"]
        begun_s, fed = time.monotonic(), manager.fed
        wait_until(lambda: time.monotonic() > begun_s + TRIED_S and manager.fed > fed, 30.0)
        assert daemon.fetch("/healthz")[0] == 200
        assert _movements(daemon) == 20
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (most, most))
        wait_until(lambda: _movements(daemon) == 40, 15.0)
        wait_until(lambda: daemon.fetch("/readyz")[0] == 200)
        daemon.stop()
    stored = read_store(daemon.store, tmp_path / "copy")
    check_sink(stored, "log", (site / "data" / "movements.jsonl").read_bytes().splitlines())
    check_stories(stored)


def _movements(daemon: Daemon) -> int:
    return len(daemon.get("/api/v1/movements?limit=1000")["movements"])
