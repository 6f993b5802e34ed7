"""`rfid-gateway init`: write a commented site directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import GatewayError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway init ./my-site")
def init(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where to write it.")] = Path(
        "/etc/rfid-gateway"
    ),
) -> None:
    """Write a commented site directory to start from: a dock with two doors and four bins.

    Nothing that exists is overwritten.
    """
    from gateway.settings.packaged import example_site, site_files

    source = example_site()
    files = site_files(source)
    present = [f for f in files if (directory / f).exists()]
    if present:
        raise GatewayError(
            f"{directory / present[0]} exists already and is not overwritten: "
            "give an empty directory, or a new one"
        )
    try:
        for file in files:
            target = directory / file
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                out.write((source / file).read_bytes())
    except OSError as error:
        raise GatewayError(
            f"{error.filename or directory}: cannot be written ({error.strerror}): "
            "give a directory that you may write, such as rfid-gateway init ./my-site"
        ) from None
    typer.echo(
        f"Wrote {len(files)} files to {directory}. Next:\n"
        f"  1. set site.id in {directory / 'config' / 'gateway.yaml'}\n"
        f"  2. draw your zones and doors in {directory / 'config' / 'site.yaml'}\n"
        f"  3. put your readers' addresses into {directory / 'readers'}/*.yaml\n"
        f"  4. rfid-gateway check --site {directory}\n"
        f"  5. rfid-gateway run --site {directory}"
    )
