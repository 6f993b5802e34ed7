"""Readers that are away, wrong, taken or broken: said in words, hurting no other, and mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.servers import wait_until
from tests.system.daemon import Daemon
from tests.system.emulator import Emulator
from tests.system.faulty_line import FaultyLine
from tests.system.llrp_client import OtherClient
from tests.system.sites import write_small

#: fault of the line → state and words that /api/v1/readers tells.
FAULTS = {
    "refusing": ("down", r"refuses the connection.* nothing listens"),
    "absent": ("down", r"no answer from .* within 5 s"),
    "mute": ("down", r"accepts the connection but sends no LLRP"),
    "garbage": ("faulty", r"does not speak LLRP.*53 53 48"),
    "breaking": ("down", r"in the middle of a message"),
}
READERS = (*FAULTS, "occupied", "sound")


@pytest.fixture
def emulator(tmp_path: Path, begun: Callable[[Emulator], Emulator]) -> Emulator:
    return begun(Emulator.plain(tmp_path, len(READERS)))


@pytest.fixture
def lines(emulator: Emulator) -> Iterator[dict[str, FaultyLine]]:
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(FaultyLine(port))
            for name, port in zip(READERS, emulator.ports.values(), strict=True)
        }


@pytest.mark.slow
def test_a_bad_reader_is_told_in_words_and_comes_back_while_the_others_go_on(
    tmp_path: Path,
    emulator: Emulator,
    lines: dict[str, FaultyLine],
    daemon_on: Callable[..., Daemon],
) -> None:
    site = write_small(tmp_path / "site", {name: line.port for name, line in lines.items()})
    daemon = daemon_on(site)
    for fault in FAULTS:
        lines[fault].be(fault)
    with OtherClient(emulator.ports[f"reader-{READERS.index('occupied') + 1}"]):
        daemon.start()
        _wait_for_state(daemon, "occupied", "occupied")
        assert "another client" in daemon.reader("occupied")["reason"]
    for name, (state, words) in FAULTS.items():
        reader = _wait_for_state(daemon, name, state)
        assert re.search(words, reader["reason"]), reader["reason"]
    assert daemon.reader("sound")["up"]
    assert daemon.metric('rfid_gateway_reader_up{reader="refusing"}') == 0
    _reads_on(daemon, "sound")
    for line in lines.values():
        if line is not lines["sound"]:
            line.be("whole")
    for name in READERS:
        assert "inventory runs" in _wait_for_state(daemon, name, "up")["reason"]
        _reads_on(daemon, name)
    daemon.stop()


@pytest.mark.parametrize("fault", ["mute", "breaking"])
def test_a_reader_that_fails_while_it_reads_makes_presence_unknown_until_it_is_back(
    fault: str,
    tmp_path: Path,
    begun: Callable[[Emulator], Emulator],
    daemon_on: Callable[..., Daemon],
) -> None:
    emulator = begun(Emulator.plain(tmp_path, 1, tags=5))
    with FaultyLine(emulator.ports["reader-1"]) as line:
        daemon = daemon_on(write_small(tmp_path / "site", {"dock": line.port}))
        daemon.start()
        wait_until(lambda: _tags(daemon, "present") == 5, 10.0)
        line.be(fault)
        wait_until(lambda: not daemon.reader("dock")["up"], 10.0)
        wait_until(lambda: _tags(daemon, "unknown") == 5, 10.0)
        blind = daemon.get("/api/v1/zones/zone-dock")["blind"]
        assert "dock" in blind
        line.be("whole")
        wait_until(lambda: daemon.reader("dock")["up"], 15.0)
        wait_until(lambda: _tags(daemon, "present") == 5, 10.0)
        movements = daemon.get("/api/v1/movements?limit=1000")["movements"]
        assert [m["kind"] for m in movements] == ["arrived"] * 5
        daemon.stop()


def _wait_for_state(daemon: Daemon, reader: str, state: str) -> dict[str, Any]:
    wait_until(lambda: daemon.reader(reader)["state"] == state, 25.0)
    return daemon.reader(reader)


def _tags(daemon: Daemon, state: str) -> int:
    return len(daemon.get(f"/api/v1/tags?state={state}")["tags"])


def _reads_on(daemon: Daemon, reader: str) -> None:
    series = f'rfid_gateway_reads_total{{reader="{reader}"}}'
    before = daemon.metric(series)
    wait_until(lambda: daemon.metric(series) > before, 5.0)
