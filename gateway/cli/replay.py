"""`rfid-gateway replay`: recordings through the same core, in virtual time."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.drivers.recording import RecordingCounts
    from gateway.errors import Problem
    from gateway.model.outcome import Outcome
    from gateway.replay import Replay
    from gateway.settings.configuration import Configuration
    from gateway.watch import Watch

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

#: How many broken lines are told one by one.
MOST_COMPLAINTS = 20

_EPILOG = (
    "Examples: rfid-gateway replay --site . monday.jsonl.gz --out - --drain 60s · "
    "replay --site . monday.jsonl.gz --out '' --explain 3034257BF7194E4000001A85"
)


@app.command(epilog=_EPILOG)
def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings, JSON Lines, gzipped or not.")],
    *,
    site: Annotated[Path, typer.Option(help="The site directory.")],
    out: Annotated[
        str, typer.Option(help="Where movements go, one a line; - is standard output.")
    ] = "-",
    passages: Annotated[str, typer.Option(help="Where passages go.")] = "",
    alerts: Annotated[str, typer.Option(help="Where alerts go; the site's rules are used.")] = "",
    rules: Annotated[Path | None, typer.Option(help="Rule files to use instead.")] = None,
    items: Annotated[Path | None, typer.Option(help="Items, CSV or JSON: docs/catalog.md.")] = None,
    drain: Annotated[str, typer.Option(help="Let virtual time run on after the last line.")] = "0s",
    why: Annotated[
        bool, typer.Option("--why", help="Tell each movement and passage in plain words.")
    ] = False,
    explain: Annotated[
        str, typer.Option(metavar="EPC", help="The same for one tag, provisional ones included.")
    ] = "",
    tick_ms: Annotated[int, typer.Option(min=1, max=1000, help="Length of a tick.")] = 100,
) -> None:
    """Run recordings through the same core as the daemon, as fast as it can.

    No network, nothing stored, and the same recording gives the same movements. Ends with the state
    after the last line, without waiting for timers, unless --drain lets virtual time run on.
    Plain words go to standard output, or to standard error when movements go there. Times are UTC.
    """
    from gateway.cli.telling import Lines, Words
    from gateway.core import Core
    from gateway.drivers.recording import Recording
    from gateway.model.tags import TagIndex
    from gateway.replay import Replay
    from gateway.settings.configuration import load
    from gateway.settings.values import parse_duration

    configuration = load(site, secrets=False)
    drain_us = round(_duration_s(drain, parse_duration) * 1e6)
    tags = TagIndex()
    core = Core(
        configuration.site,
        tags,
        configuration.location,
        configuration.overload,
        configuration.calibration,
        watch_of(configuration, items, rules, wanted=bool(alerts)),
    )
    complaints = _Complaints(configuration.calibration_notes)
    recording = Recording(configuration.site, tags, complaints.tell, configuration.sensor_ids)
    with ExitStack() as stack:
        tell = [Lines(stack, out, passages, alerts).tell, complaints.of]
        if why or explain:
            tell.append(Words(sys.stderr if out == "-" else sys.stdout, of=explain).tell)
        cpu_s = time.process_time()
        run = Replay(core, recording)
        for outcome in run.outcomes(files, tick_ms * 1000, drain_us):
            for each in tell:
                each(outcome)
        cpu_s = time.process_time() - cpu_s
    complaints.end()
    sys.stderr.write(_summary(run, recording.counts, cpu_s, alerts=bool(alerts)))


def _summary(run: Replay, counts: RecordingCounts, cpu_s: float, *, alerts: bool) -> str:
    return (
        f"{counts.reads:,} reads, {run.movements:,} movements, {run.passages:,} passages, "
        + (f"{run.alerts:,} alerts, " if alerts else "")
        + (f"{counts.elsewhere:,} reads of unknown antennas, " if counts.elsewhere else "")
        + f"{counts.broken:,} broken lines; "
        f"{counts.reads / max(cpu_s, 1e-9):,.0f} reads per second of CPU\n"
    )


def watch_of(
    configuration: Configuration, items: Path | None, rules: Path | None, *, wanted: bool
) -> Watch:
    """What follows from the movements: rules only where somebody wants to see their alerts."""
    from gateway.catalog.importing import read_items
    from gateway.catalog.items import body_of
    from gateway.errors import GatewayError, Unavailable
    from gateway.rules.files import load_site_rules
    from gateway.rules.rule import RuleSet
    from gateway.watch import Watch

    wanted = wanted or rules is not None
    if rules is not None and not rules.exists():
        raise Unavailable(f"{rules}: there is no such file or directory")
    rule_set = load_site_rules(configuration, rules) if wanted else RuleSet()
    watch = Watch(configuration.site, rule_set)
    if items is not None:
        try:
            content = items.read_bytes()
        except OSError as error:
            raise Unavailable(f"{items}: cannot be read: {error.strerror or error}") from error
        zones = {zone.id for zone in configuration.site.zones}
        imported = read_items(content, zones, str(items))
        if imported.wrong:
            raise GatewayError("\n".join(imported.problems))
        watch.catalog.items.put((item.key, body_of(item)) for item in imported.items)
    return watch


class _Complaints:
    """Tells the first problems one by one, then only how many more there were."""

    def __init__(self, notes: Sequence[Problem]) -> None:
        self._told = 0
        for note in notes:
            self.tell(str(note))

    def tell(self, text: str) -> None:
        self._told += 1
        if self._told <= MOST_COMPLAINTS:
            sys.stderr.write(f"{text}\n")

    def of(self, outcome: Outcome) -> None:
        """Commands that were refused."""
        for sentence in outcome.refused:
            self.tell(sentence)

    def end(self) -> None:
        if self._told > MOST_COMPLAINTS:
            sys.stderr.write(f"… and {self._told - MOST_COMPLAINTS:,} more problems like these\n")


def _duration_s(text: str, parse: Callable[[str], float]) -> float:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}': {error}", param_hint="--drain") from error
