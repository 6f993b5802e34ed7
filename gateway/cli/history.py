"""`rfid-gateway history`: what has happened to a tag, as a running gateway remembers it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.client import Client, find_api
from gateway.cli.tail import line
from gateway.cli.terminal import exact, plain
from gateway.model.in_words import in_words

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway history 3034257BF7194E4000001A85 --why")
def history(
    epc: Annotated[str, typer.Argument(help="An EPC: hex, URI or Digital Link.")],
    *,
    why: Annotated[bool, typer.Option("--why", help="Each movement with its reasons.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line, with all evidence.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most movements.")] = 20,
    api: Annotated[str | None, typer.Option(help="URL of the gateway.")] = None,
    site: Annotated[Path | None, typer.Option(help="Site directory that says where it is.")] = None,
) -> None:
    """Print the last movements of one tag, newest first.

    Exit code 0: found; 1: none on record, or no gateway answers.
    """
    with Client(find_api(api, site)) as client:
        path = f"/api/v1/tags/{quote(epc, safe='')}/history?limit={limit}"
        movements = client.get(path)["movements"]
    for movement in movements:
        if as_json:
            typer.echo(json.dumps(movement, ensure_ascii=False))
        elif why:
            typer.echo("\n  ".join(map(plain, [movement["epc"], *in_words(movement, exact)])))
        else:
            typer.echo(line(movement))
