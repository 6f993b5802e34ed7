"""Emulated readers in a process of their own: `rfid-gateway emulate`, which outlives daemons."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.servers import wait_until
from tests.system.processes import REPOSITORY, command, environment

START_S = 15.0
_LISTENS = re.compile(r"^(\S+) listening on 127\.0\.0\.1:(\d+)$", re.MULTILINE)


class Emulator:
    """Readers that listen until `stop`; `ports` says where."""

    def __init__(self, folder: Path, readers: int, *arguments: str | Path) -> None:
        self.truth = folder / "truth.jsonl"
        self.ports: dict[str, int] = {}
        self._output = folder / "emulator.log"
        self._readers = readers
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def warehouse(cls, folder: Path, site: Path, broker: int | None, seed: int = 1) -> Emulator:
        """The demo's warehouse on the example site."""
        sensors = () if broker is None else ("--mqtt", f"127.0.0.1:{broker}")
        truth = folder / "truth.jsonl"
        return cls(
            folder, 3, "--site", site, "--scenario", "demo", "--port", "0", "--truth", truth,
            "--seed", str(seed), *sensors,
        )  # fmt: skip

    @classmethod
    def plain(cls, folder: Path, readers: int, tags: int = 20, port: int = 0) -> Emulator:
        """Readers called reader-1, reader-2 … with tags that lie still."""
        return cls(
            folder, readers, "--readers", str(readers), "--tags", str(tags), "--rate", "50",
            "--port", str(port),
        )  # fmt: skip

    def start(self) -> None:
        """Start; return when all readers listen."""
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command(["emulate", *self._arguments]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=REPOSITORY,
                env=environment(),
            )
        wait_until(self._all_listen, START_S)

    def facts(self) -> list[dict[str, Any]]:
        """What has really happened so far."""
        text = self.truth.read_text() if self.truth.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def stop(self) -> None:
        """End it; it must not have failed."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.terminate()
        code = self._process.wait(10.0)
        assert code == 0, self._output.read_text()

    def clear_away(self) -> None:
        """End it if it lives."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _all_listen(self) -> bool:
        assert self._process is not None
        said = self._output.read_text()
        assert self._process.poll() is None, said
        self.ports = {name: int(port) for name, port in _LISTENS.findall(said)}
        return len(self.ports) == self._readers
