"""Commands as a user runs them: processes of their own, with everything that they say."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass

_ENVIRONMENT = {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "COLUMNS": "200"}


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


def program(*arguments: str) -> tuple[str, ...]:
    """The words that run a command."""
    return (sys.executable, "-m", "gateway", *arguments)


async def start(*arguments: str, **environment: str) -> Process:
    """Begin a command; the caller ends it."""
    return await asyncio.create_subprocess_exec(
        *program(*arguments),
        stdout=PIPE,
        stderr=PIPE,
        env=_ENVIRONMENT | environment,
    )


async def end(process: Process) -> None:
    """End a command that goes on, whatever it does with signals."""
    if process.returncode is None:
        process.kill()
    async with asyncio.timeout(10):
        await process.communicate()


async def run(*arguments: str, **environment: str) -> Said:
    """Run a command to its end."""
    process = await start(*arguments, **environment)
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    assert process.returncode is not None
    return Said(process.returncode, out.decode(), err.decode())
