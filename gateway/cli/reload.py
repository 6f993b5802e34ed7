"""`rfid-gateway reload`: have a running gateway take up changed rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.client import Client, find_api

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway reload")
def reload(
    *,
    api: Annotated[str | None, typer.Option(help="URL of the gateway.")] = None,
    site: Annotated[Path | None, typer.Option(help="Site directory that says where it is.")] = None,
) -> None:
    """Have the running gateway read its files again: all is taken up, or nothing.

    If anything in them is wrong, every problem is told and the rules in force stay (exit code 1).
    """
    with Client(find_api(api, site)) as client:
        typer.echo(client.post("/api/v1/reload", {})["done"])
