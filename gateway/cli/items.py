"""`rfid-gateway items`: what the tags are on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from gateway.cli.client import Client, find_api
from gateway.cli.terminal import columns, plain
from gateway.errors import GatewayError, Unavailable

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

#: Octets of one request; the API takes a little more.
PART_BYTES = 500_000
MAX_FILE_BYTES = 1_000_000_000
#: Problems that are shown.
SHOWN = 20

_API = Annotated[str | None, typer.Option(help="URL of the gateway.")]
_SITE = Annotated[Path | None, typer.Option(help="Site directory that says where it is.")]
_JSON = Annotated[bool, typer.Option("--json", help="One JSON object.")]


@app.callback(epilog="Example: rfid-gateway items import items.csv")
def items() -> None:
    """The item master of a running gateway: SKU, name, home zones by EPC, class, GTIN or SSCC."""


@app.command("import", epilog="Example: rfid-gateway items import items.csv --replace")
def import_items(
    file: Annotated[Path, typer.Argument(help="CSV with a head line, or JSON.")],
    *,
    replace: Annotated[bool, typer.Option(help="Remove all others first.")] = False,
    as_json: _JSON = False,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """Put items from a file; rows that are wrong are told and left out (exit code 1).

    Columns: key (EPC, EPC class, GTIN or SSCC), sku, name, category, home_zones, allowed_zones,
    minimum. See docs/catalog.md.
    """
    taken, problems, refused = 0, [], 0
    with Client(find_api(api, site)) as client:
        for first_line, part in _parts(_content(file)):
            query = urlencode({"replace": "true"}) if replace and first_line == 1 else ""
            answer = client.put(f"/api/v1/items?{query}", part, report="taken")
            taken += answer["taken"]
            refused += answer["refused"]
            problems += [_placed(p, file, first_line) for p in answer["problems"]]
    if as_json:
        report = {"taken": taken, "refused": refused, "problems": problems[:SHOWN]}
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        for problem in problems[:SHOWN]:
            typer.echo(plain(problem), err=True)
        typer.echo(f"{taken:,} items taken, {refused:,} rows refused.")
    if refused:
        raise typer.Exit(1)


@app.command("ls", epilog="Example: rfid-gateway items ls --key 80614141123458")
def list_items(
    *,
    key: Annotated[str | None, typer.Option(help="The item of this EPC, GTIN or SSCC.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most items shown.")] = 50,
    as_json: _JSON = False,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """List items, in order of their keys."""
    query: dict[str, Any] = {"limit": limit} | ({} if key is None else {"key": key})
    with Client(find_api(api, site)) as client:
        answer = client.get(f"/api/v1/items?{urlencode(query)}")
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    rows = [
        (
            plain(item["key"]),
            plain(item["sku"] or "-"),
            plain(item["name"] or "-"),
            " ".join(item["home_zones"]) or "-",
        )
        for item in answer["items"]
    ]
    typer.echo(columns(("KEY", "SKU", "NAME", "HOME"), rows) if rows else "No items.")


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise GatewayError(f"{file} has more than {MAX_FILE_BYTES:,} octets: split it.")
        return file.read_bytes()
    except OSError as error:
        raise Unavailable(f"{file} cannot be read: {error.strerror or error}.") from error


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Parts that one request takes, each with the number of its first line (or entry)."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    if content.lstrip()[:1] == b"[":
        try:
            lines = [json.dumps(entry).encode() for entry in json.loads(content)]
        except ValueError as error:
            raise GatewayError(f"This is not JSON: {error}.") from error
        head = b""
    else:
        lines = content.splitlines()
        head = b"" if content.lstrip()[:1] == b"{" else lines.pop(0) + b"\n" if lines else b""
    part: list[bytes] = []
    size, first = 0, 1
    for number, line in enumerate(lines, 1):
        if size + len(line) > PART_BYTES and part:
            yield first, head + b"\n".join(part)
            part, size, first = [], 0, number
        part.append(line)
        size += len(line) + 1
    yield first, head + b"\n".join(part)


def _placed(problem: str, file: Path, first_line: int) -> str:
    """The problem with the file's name, and the line as it is counted in the whole file."""
    where, _, why = problem.partition(": ")
    _, _, line = where.partition(":")
    digits = line.partition(":")[0]
    return f"{file}:{int(digits) + first_line - 1}: {why}" if digits.isdigit() else f"{file}: {why}"
