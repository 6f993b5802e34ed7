"""What a service manager sees: ready, alive by progress, and no longer when the core hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import wait_until
from tests.system.daemon import READY_S, STOP_S, Daemon
from tests.system.service_manager import ServiceManager
from tests.system.sites import write_small

WATCHDOG_S = 2.0
#: A driver from outside, whose drain hangs while a file is there, or fails if it says so.
HANGING_DRIVER = """
import os, time
from pathlib import Path

class Hanging:
    def __init__(self, context):
        self.switch = Path(os.environ["HANG_WHILE"])

    def start(self):
        pass

    def drain(self, inputs, now_us):
        while self.switch.exists():
            assert not self.switch.read_text(), "as it was told"
            self.switch.with_name("hangs").touch()
            time.sleep(0.01)

    def close(self):
        pass
"""


@pytest.fixture
def switch(tmp_path: Path) -> Path:
    """The core hangs while this file exists."""
    return tmp_path / "hang"


@pytest.fixture
def daemon(
    tmp_path: Path, switch: Path, manager: ServiceManager, daemon_on: Callable[..., Daemon]
) -> Daemon:
    """A daemon with a driver that can hang, under a service manager with a watchdog of 2 s."""
    outside = tmp_path / "outside"
    metadata = outside / "hanging-1.0.dist-info"
    metadata.mkdir(parents=True)
    (outside / "hanging.py").write_text(HANGING_DRIVER)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hanging\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[rfid_gateway.drivers]\nhanging = hanging:Hanging\n"
    )
    site = write_small(tmp_path / "site", {"dock": 1})
    device = site / "readers" / "dock.yaml"
    device.write_text(device.read_text().replace('"llrp"', '"hanging"'))
    return daemon_on(
        site,
        PYTHONPATH=str(outside),
        HANG_WHILE=str(switch),
        NOTIFY_SOCKET=manager.address,
        WATCHDOG_USEC=f"{WATCHDOG_S * 1e6:.0f}",
    )


@pytest.mark.slow
def test_a_core_that_hangs_stops_feeding_the_watchdog_and_is_told_by_healthz(
    daemon: Daemon, switch: Path, manager: ServiceManager
) -> None:
    daemon.start()
    wait_until(lambda: manager.fed >= 3, READY_S)
    notes = manager.notes
    assert notes.index("READY=1") < notes.index("WATCHDOG=1")
    assert any(note.startswith("STATUS=0 of 1 readers up") for note in notes)
    assert daemon.fetch("/healthz")[0] == 200
    assert daemon.fetch("/readyz")[0] == 200
    switch.touch()
    wait_until(switch.with_name("hangs").exists)
    time.sleep(WATCHDOG_S / 2)  # the store may have been one step behind
    fed = manager.fed
    wait_until(lambda: daemon.get("/healthz")["parts"]["core"]["stalled"], 15.0)
    assert daemon.fetch("/healthz")[0] == 503
    assert manager.fed == fed
    switch.unlink()
    wait_until(lambda: daemon.fetch("/healthz")[0] == 200)
    wait_until(lambda: manager.fed > fed)
    daemon.stop()
    assert "STOPPING=1" in manager.notes


def test_a_core_that_hangs_does_not_keep_the_daemon_from_ending(
    daemon: Daemon, switch: Path
) -> None:
    daemon.start()
    switch.touch()
    wait_until(switch.with_name("hangs").exists)
    daemon.process.terminate()
    assert daemon.process.wait(STOP_S) == 1
    assert "the core hangs" in daemon.said().splitlines()[-1]
    daemon.assert_no_traceback()


def test_a_core_that_fails_ends_the_daemon_with_one_traceback_in_the_log(
    daemon: Daemon, switch: Path
) -> None:
    daemon.start()
    switch.write_text("fail")
    assert daemon.process.wait(STOP_S) == 1
    *_, log, last = daemon.said().splitlines()
    assert "as it was told" in log
    assert "the core failed" in last
    assert daemon.said().count("Traceback (most recent call last)") == 1
