"""Real time series databases as test fixtures: on loopback, in the test's folder, ended with it."""

from __future__ import annotations

import signal
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from tests.servers import START_DEADLINE_S, STOP_DEADLINE_S, free_port, require, wait_until

HOST = "127.0.0.1"


class _Database:
    """A database program that can be stopped, killed and started again on its port."""

    program: str
    ready_path: str

    def __init__(self, folder: Path) -> None:
        self._binary = require(self.program)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.log = folder / f"{self.program}.log"

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        """Start, and return when it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary, *self._arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 3 * START_DEADLINE_S)

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(STOP_DEADLINE_S)
            self._process = None

    def get(self, path: str, query: dict[str, str] | None = None, method: str = "GET") -> bytes:
        """Ask it something."""
        request = urllib.request.Request(
            f"{self.url}{path}?{urllib.parse.urlencode(query or {})}", method=method
        )
        with urllib.request.urlopen(request, timeout=10.0) as response:
            body: bytes = response.read()
            return body

    def _arguments(self) -> list[str]:
        raise NotImplementedError

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"{self.program} ended at once:\n{self.log.read_text()}")
        try:
            self.get(self.ready_path)
        except (urllib.error.URLError, OSError):
            return False
        return True

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


class Influx1(_Database):
    """InfluxDB 1.x with the database `rfid`; `largest_body` is what it takes in one request."""

    program = "influxd"
    ready_path = "/ping"

    def __init__(self, folder: Path, *, largest_body: int = 25_000_000) -> None:
        super().__init__(folder)
        self._largest_body = largest_body
        (folder / "influx.conf").write_text(self._configuration())

    def __enter__(self) -> Self:
        self.start()
        self.do("CREATE DATABASE rfid")
        return self

    def do(self, statement: str) -> list[dict[str, Any]]:
        """Run a statement of InfluxQL; the series of the answer."""
        query = {"db": "rfid", "q": statement, "epoch": "ns"}
        (result,) = orjson.loads(self.get("/query", query, method="POST"))["results"]
        assert "error" not in result, result
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def rows(self, measurement: str) -> list[dict[str, Any]]:
        """All points of a measurement by time, tags and fields alike."""
        return [
            dict(zip(series["columns"], values, strict=True))
            for series in self.do(f'SELECT * FROM "{measurement}" ORDER BY time')
            for values in series["values"]
        ]

    def schema(self) -> dict[str, tuple[set[str], set[str]]]:
        """Names of the measurements, with the names of their tags and fields."""
        found: dict[str, tuple[set[str], set[str]]] = {}
        for series in self.do("SHOW MEASUREMENTS"):
            for (name,) in series["values"]:
                found[name] = (set(), set())
        for place, statement in enumerate(("SHOW TAG KEYS", "SHOW FIELD KEYS")):
            for series in self.do(statement):
                found[series["name"]][place].update(row[0] for row in series["values"])
        return found

    def _arguments(self) -> list[str]:
        return ["run", "-config", str(self._folder / "influx.conf")]

    def _configuration(self) -> str:
        return f"""
reporting-disabled = true
bind-address = "{HOST}:{free_port()}"
[meta]
  dir = "{self._folder}/meta"
[data]
  dir = "{self._folder}/data"
  wal-dir = "{self._folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "{HOST}:{self.port}"
  log-enabled = false
  max-body-size = {self._largest_body}
[continuous_queries]
  enabled = false
"""


class VictoriaMetrics(_Database):
    """VictoriaMetrics, which takes the write paths of v1 and v2, and keeps numbers only."""

    program = "victoria-metrics"
    ready_path = "/health"

    def series(self) -> list[dict[str, Any]]:
        """Everything that it has, a mapping per series."""
        self.get("/internal/force_flush")
        lines = self.get("/api/v1/export", {"match[]": '{__name__!=""}'}).splitlines()
        return [orjson.loads(line) for line in lines]

    def _arguments(self) -> list[str]:
        return [
            f"-httpListenAddr={HOST}:{self.port}",
            f"-storageDataPath={self._folder}/data",
            "-retentionPeriod=10y",
            "-memory.allowedBytes=100MB",
        ]
