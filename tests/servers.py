"""Real servers as test fixtures: on loopback, in the test's own folder, ended with the test.

`require` is how a test says which program it needs: an absent one skips the test with a reason, or
fails it where everything has to be there (CI=true).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import pytest

#: Daemons lie in /usr/sbin, which an ordinary user's PATH may leave out; wheels bring programs
#: beside the interpreter.
SEARCH_PATH = os.pathsep.join(
    [
        str(Path(sys.executable).parent),
        os.environ.get("PATH", os.defpath),
        "/usr/local/sbin",
        "/usr/sbin",
    ]
)
START_DEADLINE_S = 10.0
STOP_DEADLINE_S = 10.0
POLL_S = 0.01


def require(binary: str) -> str:
    """The path of a program; without it the test is skipped, or fails when CI=true."""
    found = shutil.which(binary, path=SEARCH_PATH)
    if found is None:
        absent(f"{binary} is not installed; `make test` as root on Debian installs it")
    return found


def absent(reason: str) -> NoReturn:
    """Skip the test because something is not there; fail it where everything has to be."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A TCP port on loopback that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], deadline_s: float = 5.0) -> None:
    """Block until `condition()` is true; an AssertionError after `deadline_s`."""
    ends_at_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() >= ends_at_s:
            raise AssertionError(_not_met(condition, deadline_s))
        time.sleep(POLL_S)


async def eventually(condition: Callable[[], object], deadline_s: float = 5.0) -> None:
    """`wait_until` for asynchronous tests: the event loop goes on meanwhile."""
    ends_at_s = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() >= ends_at_s:
            raise AssertionError(_not_met(condition, deadline_s))
        await asyncio.sleep(POLL_S)


class Mosquitto:
    """A real mosquitto on loopback that can be stopped, killed and started again on its port.

    `persistent` keeps sessions and queued messages over a clean stop; without it a restart forgets
    them, which is the installed default of mosquitto.
    """

    host = "127.0.0.1"

    def __init__(self, folder: Path, *, persistent: bool = True) -> None:
        self._binary = require("mosquitto")
        self.port = free_port()
        self.log = folder / "mosquitto.log"
        self._configuration = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self._configuration.write_text(_mosquitto_configuration(self.port, folder, persistent))

    def start(self) -> None:
        """Start, and return when it accepts connections."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, "-c", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, START_DEADLINE_S)

    def stop(self) -> None:
        """End it in good order (SIGTERM); persistence is written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same port."""
        self.stop()
        self.start()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.kill()

    def _answers(self) -> bool:
        if not self.running:
            raise AssertionError(f"mosquitto ended at once:\n{self.log.read_text()}")
        return accepts_connections(self.port)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        self._process.wait(STOP_DEADLINE_S)
        self._process = None


def accepts_connections(port: int) -> bool:
    """Whether something on loopback accepts a TCP connection at `port`."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _mosquitto_configuration(port: int, folder: Path, persistent: bool) -> str:
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        f"persistence {str(persistent).lower()}",
        f"persistence_location {folder}/",
        "autosave_interval 1",
        "set_tcp_nodelay true",
        "max_inflight_messages 1000",
        "max_queued_messages 0",
        "log_dest stdout",
        "log_type all",
    ]
    if os.geteuid() == 0:
        # Started as root it would become user mosquitto, who may not write the test's folder.
        lines.append("user root")
    return "\n".join(lines) + "\n"


def _not_met(condition: Callable[[], object], deadline_s: float) -> str:
    name = getattr(condition, "__qualname__", repr(condition))
    return f"{name} was still false after {deadline_s:g} s"
