"""`rfid-gateway calibrate`: what labelled walks at a site say of its antennas, zones and doors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gateway.calibration.fit import Fitted

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command(
    epilog="Example: rfid-gateway calibrate --site . --walks walks.yaml walks.jsonl.gz "
    "--out config/calibration.yaml"
)
def calibrate(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings of the walks.")],
    walks: Annotated[Path, typer.Option(help="The file that says what happened when.")],
    site: Annotated[Path, typer.Option(help="The site directory.")] = Path(),
    out: Annotated[
        Path | None,
        typer.Option(help="Where the calibration goes; absent: SITE/config/calibration.yaml."),
    ] = None,
    folds: Annotated[
        int, typer.Option(min=2, max=20, help="Into how many parts walks are dealt for the check.")
    ] = 4,
    false_alarm_cost: Annotated[
        float,
        typer.Option(min=0.1, max=1000, help="A false passage is as bad as so many missed ones."),
    ] = 5.0,
    as_json: Annotated[
        bool, typer.Option("--json", help="The figures as one JSON object.")
    ] = False,
) -> None:
    """Measure antennas, zones and doors of a site by labelled walks, and write what helps.

    Before and after are figures of walks that took no part in the fit. A part that does not help
    them is left as it is shipped.
    """
    from gateway.calibration.run import Sources, calibrated

    sources = Sources(
        site=site,
        walks=walks,
        recordings=recordings,
        folds=folds,
        false_alarm_cost=false_alarm_cost,
    )
    found, written = calibrated(sources, out, complain=_complain, progress=_progress)
    version = found.calibration.version
    if as_json:
        _write_json({**found.as_json(), "version": version or None})
    else:
        typer.echo(_told(found))
        typer.echo(f"{written}: version {version}" if written else "no file is written")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _told(found: Fitted) -> str:
    """Before and after, for a person."""
    from gateway.cli.terminal import columns

    tables = []
    if found.doors[""].passes:
        rows = [
            [name or "as shipped", f"{score.found} of {score.passes}", str(score.false)]
            for name, score in found.doors.items()
        ]
        tables.append(columns(["doors, calibrated", "passages found", "false"], rows))
    if found.zones[""].zones:
        rows = [
            [name or "as shipped", f"{score.zones_right / max(score.zones, 1):.1%}"]
            for name, score in found.zones.items()
        ]
        tables.append(columns(["zones, calibrated", "of the time right"], rows))
    kept = f"kept: {', '.join(found.kept)}" if found.kept else "kept: nothing, all is as shipped"
    return "\n\n".join([*tables, kept])


def _write_json(content: dict[str, Any]) -> None:
    import orjson

    sys.stdout.buffer.write(
        orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    )
