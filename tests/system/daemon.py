"""A daemon as its service manager and its users see it: a process, its log, its API, its end.

daemon = Daemon(site)
daemon.start()                      # returns when it has said that it is ready
daemon.get("/api/v1/readers")
daemon.stop()                       # SIGTERM; exit code 0 and no traceback, or the test fails
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

from tests.servers import wait_until
from tests.system.processes import REPOSITORY, command, environment

READY_S = 20.0
STOP_S = 10.0
_RUNS = re.compile(r"runs: (\d+) tags known, API on (\S+), started in")


class Daemon:
    """`rfid-gateway run` on a site directory; may be started again and again."""

    def __init__(self, site: Path, **extra: str) -> None:
        self.site = site
        self.log = site / "daemon.log"
        self.ready_after_s: list[float] = []
        self._environment = environment(extra)
        self._process: subprocess.Popen[bytes] | None = None
        self._log_from = 0

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def store(self) -> Path:
        """Where its state is, unless the settings say otherwise."""
        return self.site / "data" / "state.db"

    @property
    def url(self) -> str:
        """The API's URL of this run."""
        found = self._runs()
        assert found is not None
        return found[2]

    @property
    def tags_known_at_start(self) -> int:
        """How many tags it said that it knew when it was ready."""
        found = self._runs()
        assert found is not None
        return int(found[1])

    def spawn(self) -> None:
        """Start the process and return at once."""
        assert not self.running
        self._log_from = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command(["run", "--site", self.site]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=REPOSITORY,
                env=self._environment,
            )

    def start(self) -> None:
        """Start the process; return when it is ready."""
        begun_s = time.monotonic()
        self.spawn()
        self.wait_ready()
        self.ready_after_s.append(time.monotonic() - begun_s)

    def wait_ready(self) -> None:
        """Until this run has said that it runs."""

        def ready() -> bool:
            assert self.running, f"the daemon ended at once:\n{self.said()}"
            return self._runs() is not None

        wait_until(ready, READY_S)

    def said(self) -> str:
        """What this run has written to standard error."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as log:
            log.seek(self._log_from)
            return log.read().decode()

    def messages(self) -> list[str]:
        """The messages of this run's log, which is JSON because no person reads it."""
        return [json.loads(line)["message"] for line in self.said().splitlines(keepends=True)
                if line.startswith("{") and line.endswith("\n")]  # fmt: skip

    def get(self, path: str) -> Any:
        """The JSON that the API answers with."""
        return json.loads(self.fetch(path)[1])

    def fetch(self, path: str) -> tuple[int, str]:
        """Status and text of an answer, whatever the status is."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5.0) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    def stream(self, path: str) -> HTTPResponse:
        """An answer that lasts; close it."""
        answer: HTTPResponse = urllib.request.urlopen(self.url + path, timeout=STOP_S)
        return answer

    def reader(self, name: str) -> dict[str, Any]:
        """One reader as the API tells it."""
        found: dict[str, Any] = next(
            reader for reader in self.get("/api/v1/readers")["readers"] if reader["id"] == name
        )
        return found

    def metric(self, series: str) -> float:
        """The value of one series of /metrics: `rfid_gateway_outbox_pending{sink="log"}`."""
        for line in self.fetch("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        raise AssertionError(f"there is no series {series}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_S)

    def stop(self) -> float:
        """SIGTERM: it has to end in time, with code 0 and without a traceback; how long it took."""
        begun_s = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"still running {STOP_S:g} s after SIGTERM:\n{self.said()}"
            ) from None
        assert code == 0, f"exit code {code}:\n{self.said()}"
        self.assert_no_traceback()
        return time.monotonic() - begun_s

    def assert_no_traceback(self) -> None:
        """Nothing that it has ever said is a traceback."""
        said = self.log.read_text()
        assert "Traceback" not in said, said

    def clear_away(self) -> None:
        """End it if it lives: for the end of a test that may have failed."""
        if self.running:
            self.kill()

    def _runs(self) -> re.Match[str] | None:
        return _RUNS.search(self.said())
