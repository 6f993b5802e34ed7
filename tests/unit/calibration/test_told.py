"""What a walks file says that the recordings know nothing of is told, and nothing is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.bench.sites import rack, write_site
from gateway.cli import calibrate, replay
from gateway.errors import GatewayError
from tests.unit.calibration.tapes import epc, tape

RUNNER = CliRunner()
TAGS = ", ".join(f'"{epc(n)}"' for n in range(5))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rack whose first bin had five tags in it for 20 s, and who read them."""
    folder = tmp_path_factory.mktemp("shelf")
    site = rack(columns=4, levels=1, antennas=2)
    write_site(site, folder / "site")
    rows = [(s / 2, n, "rack-1", 1, -60.0 - n) for s in range(40) for n in range(5)]
    tape(folder / "walks.jsonl", site, rows)
    return folder


def calibrated(shelf: Path, *bins: str) -> Any:
    walks = shelf / "walks.yaml"
    walks.write_text("bins:\n" + "".join(f"  - {{{entry}}}\n" for entry in bins))
    site, recording = str(shelf / "site"), str(shelf / "walks.jsonl")
    return RUNNER.invoke(
        calibrate.app, ["--site", site, "--walks", str(walks), "--folds", "2", recording]
    )


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (f"begin: 5m, end: 6m, tags: [{TAGS}]", "300 s to 360 s is not within the recordings"),
        (f'begin: 2s, end: 15s, tags: ["{epc(99)}"]', "none of its tags was read from 2 s to 15 s"),
        (f"begin: 2s, end: 3h, tags: [{TAGS}]", "2 s to 10800 s is not wholly within the 19 s"),
        (f'begin: 2s, end: 15s, tags: ["{epc(1)}"]', "only 1 of its tags read"),
    ],
)
def test_an_entry_that_the_recording_does_not_know_of_is_told(
    shelf: Path, entry: str, told: str
) -> None:
    good = f"zone: bin-1-1, begin: 2s, end: 15s, tags: [{TAGS}]"
    result = calibrated(shelf, good, f"zone: bin-2-1, {entry}")
    assert result.exit_code == 0, result.output
    assert f"walks.yaml: bins[1] (bin-2-1): {told}" in _flat(result.stderr)
    assert "bins[0]" not in result.stderr


def _flat(text: str) -> str:
    return text.replace("left out: ", "")


def test_a_file_of_which_nothing_was_read_is_refused(shelf: Path) -> None:
    result = calibrated(shelf, f"zone: bin-1-1, begin: 5m, end: 6m, tags: [{TAGS}]")
    assert isinstance(result.exception, GatewayError)
    assert "there is nothing to learn from" in str(result.exception)


def test_a_calibration_of_another_site_is_told_by_a_replay(shelf: Path) -> None:
    file = shelf / "site" / "config" / "calibration.yaml"
    file.write_text(
        "zones:\n"
        "- {zone: bin-9-9, antennas: [{reader: rack-1, port: 7, power_db: 0}]}\n"
        "- {zone: bin-1-1, antennas: [{reader: rack-1, port: 7, power_db: 0}]}\n"
    )
    options = ["--site", str(shelf / "site"), str(shelf / "walks.jsonl"), "--out", "/dev/null"]
    result = RUNNER.invoke(replay.app, options)
    file.unlink()
    assert result.exit_code == 0, result.output
    assert "the site has no zone 'bin-9-9': ignored" in result.stderr
    assert result.stderr.count("the site has no antenna 7 of 'rack-1': ignored") == 1
