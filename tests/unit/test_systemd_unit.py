"""The unit: systemd takes every line of it, and it gives next to nothing away."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.servers import require

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT = FOLDER / "rfid-gateway.service"
#: In tenths: 0 is best, 100 worst.
THRESHOLD = 20


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = require("systemd-analyze")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.server
def test_systemd_takes_every_line_of_the_unit() -> None:
    found = _analyze("verify", str(UNIT))
    complaints = [
        line
        for line in (found.stdout + found.stderr).splitlines()
        # Of this unit, and not that the gateway is not installed on the machine of the test.
        if UNIT.name in line and "is not executable" not in line
    ]
    assert complaints == []


@pytest.mark.server
@pytest.mark.parametrize("drop_in", [None, "serial.conf.example", "network.conf.example"])
def test_the_unit_gives_next_to_nothing_away(tmp_path: Path, drop_in: str | None) -> None:
    unit = tmp_path / UNIT.name
    text = UNIT.read_text() + ((FOLDER / drop_in).read_text() if drop_in else "")
    unit.write_text(text)
    found = _analyze("security", "--offline=true", f"--threshold={THRESHOLD}", str(unit))
    assert found.returncode == 0, found.stdout[-500:] + found.stderr


def test_the_unit_is_notified_watched_and_named_as_the_contracts_say() -> None:
    lines = UNIT.read_text().splitlines()
    for line in (
        "Type=notify",
        "NotifyAccess=main",
        "WatchdogSec=30",
        "ExecStart=/opt/rfid-gateway/bin/rfid-gateway run --site /etc/rfid-gateway",
        "StateDirectory=rfid-gateway",
        "Restart=always",
    ):
        assert line in lines
