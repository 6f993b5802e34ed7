"""Power cuts on a real ext4; where a loop device may be used, which is root's right."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.figures import publish, size
from tests.system.processes import REPOSITORY

CUTS = size("ext4_cuts", short=5, long=500)


@pytest.fixture
def may_mount(tmp_path: Path) -> None:
    """Skips where an image cannot be mounted: many containers forbid it even to root."""
    image, place = tmp_path / "image", tmp_path / "place"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(4 << 20)
    for command in (
        ["mkfs.ext4", "-q", "-F", str(image)],
        ["mount", "-o", "loop", str(image), str(place)],
        ["umount", str(place)],
    ):
        try:
            ended = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError:
            pytest.skip(f"{command[0]} is not installed")
        if ended.returncode:
            pytest.skip(f"{command[0]} is not allowed here: {ended.stderr.decode().strip()}")


@pytest.mark.slow
@pytest.mark.timeout(120 + 10 * CUTS)
def test_ext4_has_after_every_cut_what_was_committed(may_mount: None, tmp_path: Path) -> None:
    figures = _cut(tmp_path, CUTS, "FULL")
    assert figures["movements"] > CUTS, "too little was written to prove anything"
    assert (figures["lost"], figures["corrupt"]) == (0, 0), figures
    publish("ext4_cuts", figures)


@pytest.mark.slow
def test_without_full_flushes_ext4_loses_something(may_mount: None, tmp_path: Path) -> None:
    """The control: a harness that finds no loss here would prove nothing above."""
    assert _cut(tmp_path, 4, "NORMAL")["lost"] > 0


def _cut(folder: Path, cuts: int, synchronous: str) -> dict[str, int]:
    # In a process of its own, because what forks must have no threads.
    ended = subprocess.run(
        [
            sys.executable, "-m", "tests.proof.ext4_cuts", "--cuts", str(cuts),
            "--synchronous", synchronous, "--folder", str(folder / "cuts"),
        ],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()[-8_000:]
    figures: dict[str, int] = json.loads(ended.stdout)
    return figures
