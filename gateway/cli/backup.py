"""`rfid-gateway backup`: everything that the gateway knows, in one file, while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.client import DEFAULT_SITE
from gateway.errors import GatewayError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway backup /backup/dc-north-2026-11-21.tar")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    *,
    site: Annotated[Path | None, typer.Option(help="Site directory.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Write tags, movements, queues, alerts, items and time series into one file.

    The gateway may run meanwhile, and is not held up. Settings are not in it: they are the site
    directory, which is yours.
    """
    from gateway.settings.configuration import load_settings
    from gateway.store.backup import back_up

    directory = site or DEFAULT_SITE
    settings, _ = load_settings(directory)
    if file.exists() and not force:
        raise GatewayError(f"{file} exists already: choose another name, or say --force.")
    manifest = back_up(directory / settings.data_dir, file, settings.site.id)
    size = file.stat().st_size
    if as_json:
        typer.echo(json.dumps({"file": str(file), "bytes": size, "files": sorted(manifest.files)}))
    else:
        names = ", ".join(sorted(manifest.files))
        typer.echo(f"{file}: {size / 1e6:,.1f} MB ({names}), of {manifest.time}.")
