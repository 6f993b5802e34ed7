"""The systemd unit: well-formed, and as closed as we say."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.servers import require

UNIT = Path(__file__).parents[3] / "systemd" / "rfid-gateway.service"
#: systemd-analyze's own scale: 0 is closed, 100 is open.
MOST_EXPOSED = 15


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here: the installed one is not part of the checkout."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/rfid-gateway/bin/rfid-gateway", "/bin/true"))
    return copy


@pytest.mark.server
def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    done = analyse("verify", "--man=no", "--recursive-errors=no", unit)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.server
def test_the_unit_exposes_next_to_nothing(unit: Path) -> None:
    done = analyse("security", "--offline=true", f"--threshold={MOST_EXPOSED}", unit)
    assert done.returncode == 0, done.stdout + done.stderr


def analyse(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [require("systemd-analyze"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
