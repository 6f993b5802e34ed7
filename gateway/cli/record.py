"""`rfid-gateway record`: a running gateway's inputs into a file that replays."""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, cast

import typer

from gateway.cli.client import Client, find_api
from gateway.errors import Unavailable

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway record --out monday.jsonl.gz --for 10m")
def record(
    out: Annotated[Path, typer.Option(help="The file to write; .gz compresses it.")],
    for_: Annotated[str | None, typer.Option("--for", help="How long: 30s, 10m, 2h.")] = None,
    api: Annotated[str | None, typer.Option(help="URL of the gateway.")] = None,
    site: Annotated[Path | None, typer.Option(help="Site directory that says where it is.")] = None,
) -> None:
    """Record the inputs of a running gateway until interrupted, or for a time.

    The gateway goes on undisturbed. `replay` gives the movements that these inputs lead to, from a
    gateway that knows nothing else.
    """
    ends_at_s = time.monotonic() + _seconds(for_) if for_ is not None else float("inf")
    with Client(find_api(api, site)) as client:
        stream = client.lines("/api/v1/inputs")
        try:
            lines = _write(stream, out, ends_at_s)
        except OSError as error:
            raise Unavailable(f"{out}: cannot be written: {error.strerror or error}") from error
    sys.stderr.write(f"{lines:,} lines in {out}\n")


def _write(stream: Iterator[bytes], out: Path, ends_at_s: float) -> int:
    """Write the lines of a stream until it is time, it ends, or somebody ends it."""
    lines = 0
    with _open(out) as file:
        try:
            for line in stream:
                if line != b"\n":  # else the gateway only says that it is there
                    file.write(line)
                    lines += 1
                if time.monotonic() >= ends_at_s:
                    break
            else:
                sys.stderr.write("The gateway ended the recording.\n")
        except KeyboardInterrupt:
            pass
    return lines


def _seconds(text: str) -> float:
    from gateway.settings.values import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}': {error}", param_hint="--for") from error


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "wb", compresslevel=5))
    return path.open("wb")
