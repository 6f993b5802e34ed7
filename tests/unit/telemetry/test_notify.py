"""Notes to systemd, over a socket as systemd's own."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.telemetry.health import Health
from gateway.telemetry.notify import Notifier, Watchdog
from tests.servers import eventually


class Manager:
    """The service manager's end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setblocking(False)

    def notes(self) -> list[str]:
        """Everything that was said since the last call."""
        found = []
        while True:
            try:
                found.append(self._socket.recv(4_096).decode())
            except BlockingIOError:
                return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@gateway-{os.getpid()}"
    manager = Manager(address)
    yield manager
    manager.close()


def test_systemd_hears_of_start_status_and_stop(manager: Manager) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.address})
    notifier.ready()
    notifier.status("3 readers up,\n 1 down")
    notifier.stopping()
    assert manager.notes() == ["READY=1", "STATUS=3 readers up, 1 down", "STOPPING=1"]


def test_without_systemd_nothing_is_said_and_nothing_fails() -> None:
    notifier = Notifier({"WATCHDOG_USEC": "30000000"})
    notifier.ready()
    assert notifier.watchdog_s is None


def test_a_manager_that_is_gone_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": "/nonexistent/notify"})
    with caplog.at_level(logging.WARNING):
        notifier.ready()
        notifier.watchdog()
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("30000000", "", 30.0),
        ("30000000", str(os.getpid()), 30.0),
        ("30000000", "1", None),
        ("0", "", None),
        ("soon", "", None),
        ("", "", None),
    ],
)
def test_the_watchdog_is_asked_for_in_the_environment(
    usec: str, pid: str, expected: float | None
) -> None:
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}
    assert Notifier(environment).watchdog_s == expected


def test_the_watchdog_is_fed_only_when_core_and_store_have_both_moved(manager: Manager) -> None:
    health = Health(lambda: 0.0)
    watchdog = Watchdog(Notifier({"NOTIFY_SOCKET": manager.address}), health)
    assert not watchdog.feed()
    health.beat("core")
    assert not watchdog.feed()
    health.beat("store")
    assert watchdog.feed()
    assert not watchdog.feed()
    assert manager.notes() == ["WATCHDOG=1"]


async def test_the_watchdog_is_fed_again_and_again_while_there_is_progress(
    manager: Manager,
) -> None:
    health = Health(lambda: 0.0)
    environment = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "200000"}
    watchdog = asyncio.create_task(Watchdog(Notifier(environment), health).run())
    told: list[str] = []

    def fed() -> bool:
        health.beat("core")
        health.beat("store")
        told.extend(manager.notes())
        return len(told) >= 2

    await eventually(fed)
    watchdog.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watchdog


async def test_a_watchdog_that_nobody_asked_for_ends_at_once() -> None:
    async with asyncio.timeout(1):
        await Watchdog(Notifier({}), Health(lambda: 0.0)).run()
