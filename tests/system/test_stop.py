"""The end of a daemon: in order, in time, whatever its devices and sinks are doing."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import wait_until
from tests.system.daemon import STOP_S, Daemon
from tests.system.emulator import Emulator
from tests.system.faulty_line import FaultyLine
from tests.system.sites import write_small

SINKS = [{"name": "plant", "kind": "mqtt"}, {"name": "log", "kind": "file"}]


def test_it_ends_in_time_while_a_reader_hangs_and_the_broker_is_away(
    tmp_path: Path,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=5))
    with FaultyLine(emulator.ports["reader-1"]) as reader, FaultyLine(0) as no_broker:
        no_broker.be("absent")
        site = write_small(
            tmp_path / "site", {"dock": reader.port}, mqtt={"port": no_broker.port}, sinks=SINKS
        )
        daemon = daemon_on(site)
        daemon.start()
        wait_until(lambda: daemon.metric('rfid_gateway_outbox_pending{sink="plant"}') == 5, 15.0)
        reader.be("mute")
        assert daemon.stop() < STOP_S - 2.0
    assert any("wait in the outbox" in message for message in daemon.messages())


@pytest.mark.parametrize("after_s", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_it_ends_quietly_when_told_to_while_it_starts(
    after_s: float, tmp_path: Path, daemon_on: Callable[..., Daemon]
) -> None:
    daemon = daemon_on(write_small(tmp_path / "site", {"dock": 1}))
    daemon.spawn()
    time.sleep(after_s)
    daemon.process.terminate()
    assert daemon.process.wait(STOP_S) in (0, -signal.SIGTERM)
    daemon.assert_no_traceback()


def test_ctrl_c_ends_it_as_well(tmp_path: Path, daemon_on: Callable[..., Daemon]) -> None:
    daemon = daemon_on(write_small(tmp_path / "site", {}))
    daemon.start()
    daemon.signal(signal.SIGINT)
    assert daemon.process.wait(STOP_S) == 0
    daemon.assert_no_traceback()


def test_a_listener_of_its_stream_does_not_keep_it(
    tmp_path: Path, daemon_on: Callable[..., Daemon]
) -> None:
    daemon = daemon_on(write_small(tmp_path / "site", {}))
    daemon.start()
    with daemon.stream("/api/v1/events"):
        assert daemon.stop() < 5.0
