"""The command line itself: what is no command, and output that nobody takes."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE

import pytest

from tests.unit.cli.running import program, run


async def test_a_command_that_is_none_is_told_with_the_nearest() -> None:
    said = await run("chek")
    assert (said.code, said.out) == (2, "")
    assert "Did you mean 'check'?" in said.err


@pytest.mark.parametrize("command", [("--help",), ("epc", "decode", "3034257BF7194E4000001A85")])
@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("a full disk", "standard output: cannot be written: No space left on device\n"),
        ("a closed pipe", ""),
    ],
)
async def test_output_that_nobody_takes_ends_it_without_a_traceback(
    command: tuple[str, ...], to: str, told: str
) -> None:
    if to == "a full disk":
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        nobody, output = os.pipe()
        os.close(nobody)
    try:
        process = await asyncio.create_subprocess_exec(
            *program(*command), stdin=DEVNULL, stdout=output, stderr=PIPE
        )
    finally:
        os.close(output)
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (1, told)
