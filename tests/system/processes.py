"""Commands of this checkout as processes of their own, as users and service managers run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "gateway")
DEADLINE_S = 30.0


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Of our own environment only what a command needs: no settings, no service manager."""
    kept = {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "COLUMNS": "200"}
    return kept | {"PYTHONWARNINGS": "error"} | dict(extra or {})


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


def run(*arguments: str | Path, **extra: str) -> Said:
    """Run a command to its end."""
    ended = subprocess.run(
        command(arguments),
        capture_output=True,
        cwd=REPOSITORY,
        env=environment(extra),
        timeout=DEADLINE_S,
        check=False,
    )
    return Said(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def command(arguments: Sequence[str | Path]) -> list[str]:
    """The command line."""
    return [*COMMAND, *map(str, arguments)]
