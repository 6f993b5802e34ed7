"""What tests of the whole daemon start, they also end, whether they pass or fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import Mosquitto
from tests.system.daemon import Daemon
from tests.system.emulator import Emulator
from tests.system.service_manager import ServiceManager
from tests.system.sites import write_example


@pytest.fixture
def cleared_away() -> Iterator[ExitStack]:
    """Where to put what has to be done at the end of the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def daemon_on(cleared_away: ExitStack) -> Callable[..., Daemon]:
    """A daemon for a site directory, not started yet; it does not outlive the test."""

    def make(site: Path, **extra: str) -> Daemon:
        daemon = Daemon(site, **extra)
        cleared_away.callback(daemon.clear_away)
        return daemon

    return make


@pytest.fixture
def begun(cleared_away: ExitStack) -> Callable[[Emulator], Emulator]:
    """Starts an emulator that does not outlive the test."""

    def begin(emulator: Emulator) -> Emulator:
        cleared_away.callback(emulator.clear_away)
        emulator.start()
        return emulator

    return begin


@pytest.fixture
def manager() -> Iterator[ServiceManager]:
    """A service manager to hear the daemon."""
    manager = ServiceManager()
    yield manager
    manager.close()


@pytest.fixture
def warehouse(
    tmp_path: Path, mosquitto: Mosquitto, begun: Callable[[Emulator], Emulator]
) -> Emulator:
    """The demo's warehouse at work; `tmp_path / "site"` is the site that goes with it."""
    site = write_example(tmp_path / "site", {}, mosquitto.port)
    emulator = begun(Emulator.warehouse(tmp_path, site, mosquitto.port))
    write_example(site, emulator.ports, mosquitto.port)
    return emulator
