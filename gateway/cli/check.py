"""`rfid-gateway check`: validate everything that a person wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.errors import Problem, SettingsError, SinkError

if TYPE_CHECKING:
    from gateway.settings.configuration import Configuration
    from gateway.settings.report import Report

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(epilog="Example: rfid-gateway check --site .")
def check(
    *,
    site: Annotated[Path, typer.Option(help="The site directory.")] = Path("/etc/rfid-gateway"),
    as_json: Annotated[
        bool, typer.Option("--json", help="A list of objects instead of lines.")
    ] = False,
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Do not look for the secrets.")
    ] = False,
) -> None:
    """Validate settings, site, devices and rules; every problem is told at once.

    Exit code 0: fine; 1: problems, each as file:line:column: message.
    """
    from gateway.rules.files import rules_of
    from gateway.settings.configuration import read

    try:
        draft = read(site, secrets=not without_secrets)
        configuration = draft.configuration
        if not draft.report.problems:
            _check_sinks(configuration, draft.report)
        rules = rules_of(draft)
        draft.report.raise_problems()
    except SettingsError as error:
        _tell(error.problems, (), as_json=as_json)
        if not as_json:
            count = len(error.problems)
            typer.echo(f"{count} problem{'s' if count > 1 else ''}", err=True)
        raise typer.Exit(1) from None
    _tell(
        (),
        (*configuration.notes, *_calibration_notes(configuration), *rules.notes),
        as_json=as_json,
    )
    if not as_json:
        typer.echo(summary(configuration, len({rule.id for rule in rules.rules})))


def summary(configuration: Configuration, rules: int = 0) -> str:
    """What the site consists of, in one line."""
    site = configuration.site
    parts = [
        _counted(len(site.doors), "door"),
        _counted(len(site.zones), "zone"),
        _counted(len(configuration.readers), "reader"),
        _counted(len(site.antennas), "antenna"),
        _counted(len(configuration.sensors), "sensor"),
        _counted(len(configuration.sinks), "sink"),
    ]
    if rules:
        parts.append(_counted(rules, "rule"))
    return f"{site.id}: {', '.join(parts)}; everything is fine"


def _check_sinks(configuration: Configuration, report: Report) -> None:
    """Build the sinks, which connect to nothing; what they refuse is a problem of the settings."""
    from gateway.settings.node import Place
    from gateway.sinks.base import SinkContext
    from gateway.sinks.registry import build

    context = SinkContext(
        site=configuration.site.id,
        data_dir=configuration.data_dir,
        broker=configuration.broker,
        influx=configuration.influx,
        layout=configuration.site,
    )
    try:
        build(configuration.sinks, context)
    except SinkError as error:
        report.problem(Place(str(configuration.directory / "config" / "gateway.yaml")), str(error))


def _calibration_notes(configuration: Configuration) -> list[Problem]:
    """What the calibration says of features that this version does not have."""
    from gateway.location.passage_trim import unknown_features
    from gateway.settings.calibration_file import USUAL_FILE

    file = configuration.settings.location.calibration or USUAL_FILE
    return [
        Problem(
            file=str(configuration.directory / file),
            line=0,
            column=0,
            message=f"this version has no feature '{name}' at doors: ignored; calibrate again",
        )
        for name in unknown_features(configuration.calibration.doors)
    ]


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _tell(problems: Sequence[Problem], notes: Sequence[Problem], *, as_json: bool) -> None:
    if as_json:
        told = [asdict(p) | {"severity": "problem"} for p in problems]
        told += [asdict(n) | {"severity": "note"} for n in notes]
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    for problem in problems:
        typer.echo(str(problem))
    for note in notes:
        typer.echo(f"{note} (note)")
