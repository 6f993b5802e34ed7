"""Killed at any moment, the gateway loses nothing, invents nothing and tells nothing anew."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.proof.figures import publish, size
from tests.system.processes import REPOSITORY

KILLS = size("kills", short=25, long=1_000)


@pytest.mark.slow
@pytest.mark.timeout(180 + 10 * KILLS)
def test_no_kill_loses_invents_reorders_or_changes_a_movement(tmp_path: Path) -> None:
    # In a process of its own, because what forks must have no threads.
    ended = subprocess.run(
        [
            sys.executable, "-m", "tests.proof.kill_loop",
            "--kills", str(KILLS), "--folder", str(tmp_path / "loop"), "--seed", str(KILLS),
        ],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()[-8_000:]
    figures = json.loads(ended.stdout)
    assert figures["stays_that_had_to_be_told"] > KILLS // 2, "too little traffic to prove anything"
    publish("kills", figures)
