"""The demo as a newcomer sees it: a pallet leaves within seconds, and the summary is true."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.servers import wait_until
from tests.system.processes import REPOSITORY, command, environment

MARK = "RFID_TEST_RUN"
_TRUTH = re.compile(
    r"truth: +(\d+) of (\d+) crossings found, (\d+) the right way, (\d+) movements through a door"
)
#: Hides mosquitto, wherever it lies, from the process that finds this in its path.
HIDE_MOSQUITTO = """
import shutil
which = shutil.which
shutil.which = lambda name, *a, **k: None if name == "mosquitto" else which(name, *a, **k)
"""


class Demo:
    """A running demo in a process group of its own, as a terminal would start it."""

    def __init__(self, *arguments: str, **extra: str) -> None:
        self.lines: list[str] = []
        self._mark = uuid.uuid4().hex
        self.process = subprocess.Popen(
            command(["demo", *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env=environment({MARK: self._mark, **extra}),
            start_new_session=True,
            text=True,
        )

    def read_until(self, pattern: str) -> float:
        """Read lines up to one that matches; seconds since the first line of all."""
        assert self.process.stdout is not None
        begun_s = time.monotonic()
        for line in self.process.stdout:
            begun_s = begun_s if self.lines else time.monotonic()
            self.lines.append(line)
            if re.search(pattern, line):
                return time.monotonic() - begun_s
        raise AssertionError(f"no line with {pattern}:\n{''.join(self.lines)}")

    def interrupt(self) -> None:
        """Ctrl-C: for the whole group of processes, as a terminal does it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def finish(self) -> tuple[str, str]:
        """What it said, also on standard error; exit code 0, and nothing is left of it."""
        out, err = self.process.communicate(timeout=30.0)
        self.lines.append(out)
        assert self.process.returncode == 0, err
        wait_until(lambda: not self.alive(), 5.0)
        return "".join(self.lines), err

    def alive(self) -> list[int]:
        """Every process of this run that still lives, whoever its parent is."""
        mark = f"{MARK}={self._mark}".encode()
        return [pid for pid in _processes() if mark in _proc(pid, "environ")]

    def close(self) -> None:
        """End whatever is left."""
        for pid in self.alive():
            os.kill(pid, signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def demos() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.slow
def test_the_demo_shows_a_pallet_going_out_and_sums_up_truly(demos: ExitStack) -> None:
    demo = demos.enter_context(closing(Demo("--headless", "--seconds", "15")))
    assert demo.read_until(r"  out +door-\d ") < 15.0
    summary, trouble = demo.finish()
    assert trouble == ""
    found, crossings, right, false = _truth(summary)
    assert crossings >= 8
    assert found >= 0.75 * crossings
    assert right >= 0.9 * found
    assert false <= crossings
    assert re.search(r"movements: \d+ arrived, \d+ moved; loads through doors: \d+", summary)


@pytest.mark.slow
def test_the_demo_needs_no_mosquitto_says_that_its_broker_died_and_ends_with_ctrl_c(
    demos: ExitStack, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDE_MOSQUITTO)
    demo = demos.enter_context(closing(Demo(PYTHONPATH=str(tmp_path))))
    demo.read_until("nats-server carries the sensors")
    demo.read_until(r"  out +door-\d ")
    assert len(demo.alive()) == 3  # gateway, emulator, broker
    (broker,) = [pid for pid in demo.alive() if b"nats-server" in _proc(pid, "cmdline")]
    os.kill(broker, signal.SIGKILL)
    demo.read_until(r"  out +door-\d ")
    demo.interrupt()
    summary, trouble = demo.finish()
    assert "movements:" in summary
    assert "truth:" in summary
    assert "was lost" in trouble.splitlines()[0]
    assert re.search(r"sink mqtt: .*; \d+ wait in the outbox, trying again", trouble)
    assert "Traceback" not in trouble


def test_ctrl_c_while_the_demo_starts_leaves_nothing_behind(demos: ExitStack) -> None:
    demo = demos.enter_context(closing(Demo("--headless")))
    wait_until(lambda: len(demo.alive()) > 1, 10.0)
    demo.interrupt()
    demo.process.communicate(timeout=30.0)
    wait_until(lambda: not demo.alive(), 5.0)


def _truth(summary: str) -> tuple[int, int, int, int]:
    told = _TRUTH.search(summary)
    assert told, summary
    found, crossings, right, false = map(int, told.groups())
    return found, crossings, right, false


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _proc(pid: int, what: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{what}").read_bytes()
    except OSError:  # it has just ended, or is not ours
        return b""
