"""`rfid-gateway config`: the settings in force, and the JSON Schemas of the files."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gateway.settings.origins import Setting

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show the settings in force, or the JSON Schemas of the files of a site.",
)


class File(StrEnum):
    """The kinds of file that a site has."""

    GATEWAY = "gateway"
    SITE = "site"
    READER = "reader"
    SENSORS = "sensors"
    PROFILE = "profile"


@app.command(epilog="Example: rfid-gateway config show --site . --origin")
def show(
    *,
    site: Annotated[Path, typer.Option(help="The site directory.")] = Path("/etc/rfid-gateway"),
    origin: Annotated[bool, typer.Option("--origin", help="Where each value comes from.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="An object of name: {value, origin}.")
    ] = False,
) -> None:
    """Show every setting in force; of a secret, only where it is kept.

    Defaults are overruled by config/gateway.yaml, that by config/conf.d/*.yaml in name order, and
    that by the environment.
    """
    from gateway.settings.configuration import load_settings
    from gateway.settings.origins import settings_in_force

    settings = settings_in_force(*load_settings(site))
    if as_json:
        shown = {s.name: {"value": s.value, "origin": s.origin} for s in settings}
        typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
    elif origin:
        width = max(len(_flat(s)) for s in settings)
        for setting in settings:
            typer.echo(f"{_flat(setting):<{min(width, 60)}}  # {setting.origin}")
    else:
        typer.echo(_yaml(settings), nl=False)


@app.command(epilog="Example: rfid-gateway config schema --file site > site.schema.json")
def schema(
    *,
    file: Annotated[File, typer.Option(help="Which kind of file.")] = File.GATEWAY,
) -> None:
    """Print the JSON Schema of gateway.yaml or of another file of the site, for editors."""
    from gateway.settings import device_files, site_file
    from gateway.settings import schema as gateway_file
    from gateway.settings.json_schema import json_schema
    from gateway.settings.section import Section

    models: dict[File, type[Section]] = {
        File.GATEWAY: gateway_file.Settings,
        File.SITE: site_file.SiteFile,
        File.READER: device_files.ReaderFile,
        File.SENSORS: device_files.SensorGroupFile,
        File.PROFILE: device_files.ProfileFile,
    }
    typer.echo(json.dumps(json_schema(models[file]), indent=2, ensure_ascii=False))


def _flat(setting: Setting) -> str:
    value = setting.value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{setting.name}: {text}"


def _yaml(settings: list[Setting]) -> str:
    """The settings as a gateway.yaml that would say the same."""
    import yaml

    root: dict[str, Any] = {}
    for setting in settings:
        *above, last = setting.name.split(".")
        branch = root
        for step in above:
            branch = branch.setdefault(step, {})
        branch[last] = setting.value
    text: str = yaml.safe_dump(root, sort_keys=False, allow_unicode=True, width=100)
    return text
