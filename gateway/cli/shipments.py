"""`rfid-gateway shipments`: what ought to go through the doors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.client import Client, find_api
from gateway.cli.terminal import columns, plain
from gateway.errors import GatewayError, Unavailable

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_API = Annotated[str | None, typer.Option(help="URL of the gateway.")]
_SITE = Annotated[Path | None, typer.Option(help="Site directory that says where it is.")]


@app.callback(epilog="Example: rfid-gateway shipments put S-17.json")
def shipments() -> None:
    """Shipments of a running gateway: expected contents and door, compared with passages."""


@app.command("put", epilog="Example: rfid-gateway shipments put S-17.json")
def put(
    file: Annotated[Path, typer.Argument(help="A JSON object: id, direction, door, lines.")],
    *,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """Expect a shipment; see docs/catalog.md for the file."""
    try:
        given = json.loads(file.read_bytes())
    except OSError as error:
        raise Unavailable(f"{file} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise GatewayError(f"{file}: this is not JSON: {error}.") from error
    if not isinstance(given, dict) or not isinstance(given.get("id"), str):
        raise GatewayError(f'{file}: a shipment is an object such as {{"id": "S-17", "lines": …}}.')
    with Client(find_api(api, site)) as client:
        client.put(f"/api/v1/shipments/{quote(given['id'], safe='')}", given)
    typer.echo(f"Shipment {plain(given['id'])} is expected.")


@app.command("ls", epilog="Example: rfid-gateway shipments ls --json")
def list_shipments(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """List shipments, and what of them has passed."""
    with Client(find_api(api, site)) as client:
        answer = client.get("/api/v1/shipments")
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    rows = [
        (
            plain(s["id"]),
            s["way"],
            s["door"] or "any",
            str(sum(line["count"] for line in s["lines"])),
            str(len(s["passed"])),
            "open" if s["open"] else "closed",
        )
        for s in answer["shipments"]
    ]
    head = ("ID", "DIRECTION", "DOOR", "EXPECTED", "PASSED", "STATE")
    typer.echo(columns(head, rows) if rows else "No shipments.")


@app.command("rm", epilog="Example: rfid-gateway shipments rm S-17")
def remove(
    shipment: Annotated[str, typer.Argument(help="Its id.")],
    *,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """Expect it no longer."""
    with Client(find_api(api, site)) as client:
        client.delete(f"/api/v1/shipments/{quote(shipment, safe='')}")
    typer.echo(f"Shipment {plain(shipment)} is not expected any more.")
