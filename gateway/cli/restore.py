"""`rfid-gateway restore`: put a backup in place of what a stopped gateway knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.client import DEFAULT_SITE

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway restore /backup/dc-north-2026-11-21.tar --force")
def restore(
    file: Annotated[Path, typer.Argument(help="A file that backup wrote.")],
    *,
    site: Annotated[Path | None, typer.Option(help="Site directory.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Set aside what is there; take another site's backup.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Put a backup in place, while the gateway is stopped; what is there is set aside, not deleted.

    Numbers of movements go on much higher, so that none that was told after the backup is given
    to another movement. What waited for a sink when the backup was made is delivered again,
    with the same ids.
    """
    from gateway.settings.configuration import load_settings
    from gateway.store.backup import restore as put_in_place

    directory = site or DEFAULT_SITE
    settings, _ = load_settings(directory)
    data_dir = directory / settings.data_dir
    manifest, aside = put_in_place(file, data_dir, settings.site.id, force=force)
    if as_json:
        answer = {"time": manifest.time, "set_aside": [str(path) for path in aside]}
        typer.echo(json.dumps(answer))
        return
    typer.echo(f"The state of {manifest.time} is in {data_dir}; start the gateway.")
    for path in aside:
        typer.echo(f"What was there is {path}.")
