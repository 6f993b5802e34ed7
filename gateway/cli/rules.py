"""`rfid-gateway rules`: check, test, backtest and explain rule files."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.backtest import Fired, Tally, TrialEngine
    from gateway.model.place import Site
    from gateway.rules.rule import Rule, RuleSet
    from gateway.settings.configuration import Configuration
    from gateway.watch import Watch

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Check, test, backtest and explain rule files.",
)

SiteOption = Annotated[Path, typer.Option(help="The site directory.")]
RulesOption = Annotated[
    Path | None, typer.Option(help="A folder of rule files, or one file, in place of the site's.")
]
ApiOption = Annotated[str | None, typer.Option(help="URL of the running gateway.")]
ItemsOption = Annotated[Path | None, typer.Option(help="Items, CSV or JSON: docs/catalog.md.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of lines.")]
DrainOption = Annotated[str, typer.Option(help="Let time run on after the last line.")]
DEFAULT_SITE = Path("/etc/rfid-gateway")


@app.command(epilog="Example: rfid-gateway rules check --site .")
def check(
    *, site: SiteOption = DEFAULT_SITE, rules: RulesOption = None, as_json: JsonOption = False
) -> None:
    """Say everything that is wrong with the rule files, and which of their own tests fail.

    Exit code 0: a running gateway would take them up; 1: it would not.
    """
    from gateway.errors import SettingsError

    try:
        configuration, found = _load(site, rules)
        _check_tests(found, configuration.site)
    except SettingsError as error:
        if as_json:
            typer.echo(json.dumps([asdict(p) for p in error.problems], indent=2))
        else:
            typer.echo("\n".join(map(str, error.problems)))
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps([asdict(note) for note in found.notes], indent=2))
        return
    for note in found.notes:
        typer.echo(f"{note} (note)")
    count = len({rule.id for rule in found.rules})
    tests = len(found.tests)
    typer.echo(f"{count} rules with {tests} tests; everything is fine")


@app.command("test", epilog="Example: rfid-gateway rules test misplaced-stock --site .")
def run_tests(
    rule: Annotated[str | None, typer.Argument(help="Only this rule's tests.")] = None,
    *,
    site: SiteOption = DEFAULT_SITE,
    rules: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the inline tests, in virtual time, through the engine of the daemon."""
    from gateway.rules.trials import run_trials

    configuration, found = _load(site, rules)
    if rule is not None:
        _named(found, rule)
    trials = list(run_trials(found, configuration.site, rule))
    failed = [trial for trial in trials if trial.failures]
    if as_json:
        typer.echo(json.dumps([asdict(trial) for trial in trials], indent=2, ensure_ascii=False))
    else:
        for trial in failed:
            typer.echo(f"{trial.place}: {trial.rule}: {trial.name}")
            for failure in trial.failures:
                typer.echo(f"  {failure}")
        typer.echo(f"{len(trials)} tests, {len(failed)} failed")
    if failed:
        raise typer.Exit(1)


@app.command(
    epilog="Example: rfid-gateway rules backtest --recording monday.jsonl.gz --rules new.yaml "
    "--diff"
)
def backtest(
    *,
    recording: Annotated[
        list[Path] | None, typer.Option(help="A recording; may be given again.")
    ] = None,
    since: Annotated[
        str, typer.Option(help="What the gateway has committed in this time, such as 7d.")
    ] = "",
    site: SiteOption = DEFAULT_SITE,
    rules: RulesOption = None,
    items: ItemsOption = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Compare with the site's own rules.")
    ] = False,
    drain: DrainOption = "0s",
    as_json: JsonOption = False,
) -> None:
    """Tell what rules would have told on recordings, and with --diff what would be different.

    Recordings go through the core of the daemon in virtual time; nothing is sent. With --since the
    movements and passages in the gateway's store are taken, so that rules on sensors and readers
    have nothing to look at.
    """
    from gateway.backtest import run_recording, tally

    if bool(recording) is bool(since):
        raise typer.BadParameter("give either --recording or --since", param_hint="--recording")
    configuration, found = _load(site, rules)
    watch, engine = _engine(configuration, found, items)
    if diff:
        _, own = _load(site, None)
        engine.others = [_engine_of(configuration, own, watch)]
    if recording:
        drain_us = _duration_us(drain)
        run_recording(configuration, watch, engine, recording, _complain, drain_us=drain_us)
    else:
        _run_history(configuration, watch, engine, _duration_us(since))
    tallies = [tally(engine), *(tally(other) for other in engine.others)]
    names = list(dict.fromkeys(rule.id for rule in found.rules))
    if as_json:
        typer.echo(json.dumps(_as_json(tallies, names), indent=2, ensure_ascii=False))
    else:
        _tell(tallies, names, configuration.site.timezone)


@app.command("ls", epilog="Example: rfid-gateway rules ls")
def list_rules(
    *,
    site: SiteOption = DEFAULT_SITE,
    api: ApiOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the rules that a running gateway follows, with what is pending and what fires."""
    from gateway.cli.client import Client, find_api
    from gateway.cli.rule_looks import table

    with Client(find_api(api, site)) as client:
        answer = client.get("/api/v1/rules")
    typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else table(answer["rules"]))


@app.command(
    epilog="Examples: rfid-gateway rules explain misplaced-stock 3034257BF7194E4000001A85 · "
    "rules explain cold-chain-door door-1 · rules explain misplaced-stock --recording "
    "monday.jsonl.gz"
)
def explain(
    rule: Annotated[str, typer.Argument(help="The rule's id.")],
    subject: Annotated[
        str | None,
        typer.Argument(help="A tag (EPC: hex, URI or Digital Link), door, zone, sensor, reader."),
    ] = None,
    *,
    recording: Annotated[
        list[Path] | None,
        typer.Option(help="Look at a recording, not at the running gateway; may be given again."),
    ] = None,
    site: SiteOption = DEFAULT_SITE,
    api: ApiOption = None,
    rules: RulesOption = None,
    items: ItemsOption = None,
    drain: DrainOption = "0s",
    as_json: JsonOption = False,
) -> None:
    """Say why a rule fires, or does not: each condition with what it wants and what it sees.

    The running gateway is asked: how things are right now, what is pending and for how long, what
    keeps an alert quiet. With --recording, what a recording brought is looked at instead.
    """
    from gateway.cli.rule_looks import tell

    if recording:
        answer = _recorded(rule, subject, (site, rules, items), recording, drain)
    else:
        if rules is not None or items is not None:
            raise typer.BadParameter(
                "a running gateway has its own; this goes with --recording",
                param_hint="--rules, --items",
            )
        answer = _asked(rule, subject, api, site)
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False) if as_json else tell(answer))


def _asked(rule: str, subject: str | None, api: str | None, site: Path) -> dict[str, Any]:
    """What the running gateway says."""
    from urllib.parse import quote, urlencode

    from gateway.cli.client import Client, find_api

    query = "" if subject is None else "?" + urlencode({"subject": subject})
    with Client(find_api(api, site)) as client:
        answer: dict[str, Any] = client.get(f"/api/v1/rules/{quote(rule, safe='')}/explain{query}")
        return answer


def _recorded(
    rule: str,
    subject: str | None,
    files: tuple[Path, Path | None, Path | None],
    recording: Sequence[Path],
    drain: str,
) -> dict[str, Any]:
    """What recordings say, through the core and engine of the daemon."""
    from gateway.backtest import run_recording
    from gateway.model.movement import iso_utc
    from gateway.rules.fields import On
    from gateway.rules.present import NOTHING, looks_now
    from gateway.rules.witness import Witness

    site, rules, items = files
    configuration, found = _load(site, rules)
    known = _named(found, rule)
    on_tags = known.on in (On.MOVEMENT, On.PRESENCE, On.PASSAGE)
    asked = _epc(subject) if on_tags else subject
    watch, engine = _engine(configuration, found, items)
    witness = Witness(engine, known, asked)
    engine.after = witness.after
    run_recording(configuration, watch, engine, recording, _complain, drain_us=_duration_us(drain))
    looks = [*witness.looks, *looks_now(engine, known, asked, NOTHING, engine.now_us)]
    return {
        "rule": known.id,
        "place": known.place,
        "severity": known.severity,
        "looks": [look.as_dict() for look in looks],
        "changes": [
            {"at": iso_utc(c.at_us), "state": c.state, "key": c.key, "reason": c.reason}
            for c in witness.changes
        ],
        "note": "" if looks else "it was never looked at: nothing concerned it",
    }


def _load(site: Path, rules: Path | None) -> tuple[Configuration, RuleSet]:
    from gateway.rules.files import load_all

    if rules is not None and not rules.exists():
        raise GatewayError(f"{rules}: there is no such file or folder")
    return load_all(site, secrets=False, folder=rules)


def _check_tests(rules: RuleSet, site: Site) -> None:
    """Raise `SettingsError` for the rules' own tests that fail: with them none is taken up."""
    from gateway.errors import Problem, SettingsError
    from gateway.rules.trials import run_trials

    found = []
    for trial in run_trials(rules, site):
        file, _, line = trial.place.rpartition(":")
        message = f"{trial.rule}: {trial.name} fails: {'; '.join(trial.failures)}"
        if trial.failures:
            found.append(Problem(file=file, line=int(line or 0), column=1, message=message))
    if found:
        raise SettingsError(found)


def _named(rules: RuleSet, name: str) -> Rule:
    from gateway.settings.report import quoted, suggestion

    rule = rules.named(name)
    if rule is None:
        hint = suggestion(name, [r.id for r in rules.rules])
        raise GatewayError(f"there is no rule {quoted(name)}{hint}")
    return rule


def _engine(
    configuration: Configuration, rules: RuleSet, items: Path | None
) -> tuple[Watch, TrialEngine]:
    from gateway.cli.replay import watch_of

    watch = watch_of(configuration, items, None, wanted=False)
    return watch, _engine_of(configuration, rules, watch)


def _engine_of(configuration: Configuration, rules: RuleSet, watch: Watch) -> TrialEngine:
    from gateway.backtest import TrialEngine

    return TrialEngine(rules, configuration.site, watch)


def _run_history(
    configuration: Configuration, watch: Watch, engine: TrialEngine, span_us: int
) -> None:
    """What is in the store, with the items that are in it."""
    from gateway.backtest import run_history
    from gateway.clock import SystemClock
    from gateway.store.database import STORE_FILE, reading_of
    from gateway.store.items import stored_items

    with reading_of(configuration.data_dir / STORE_FILE) as reader:
        watch.catalog.items.put(stored_items(reader.connection))
        now_us = SystemClock().now_us()
        count = run_history(engine, reader, now_us - span_us, now_us)
    _complain(f"{count:,} movements and passages; sensors and readers are not in the store")


def _epc(text: str | None) -> str | None:
    from gateway.model.epc_text import parse_any

    if text is None:
        return None
    try:
        return parse_any(text).hex().upper()
    except ValueError as error:
        raise GatewayError(str(error)) from error


def _duration_us(text: str) -> int:
    from gateway.settings.values import parse_duration

    try:
        return round(parse_duration(text) * 1e6)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}': {error}", param_hint="--since, --drain") from error


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _time(time_us: int, timezone: str) -> str:
    from gateway.rules.schedule import local

    return f"{local(time_us, timezone):%Y-%m-%d %H:%M:%S}"


def _tell(tallies: Sequence[Tally], names: Sequence[str], timezone: str) -> None:
    """A row for each rule, then every firing, or with --diff what is different."""
    mine = tallies[0]
    width = max(map(len, names), default=4)
    typer.echo(f"{'rule':<{width}}  alerts  fired  open")
    for name in names:
        all_of = mine.of(name)
        still = sum(f.ended_us is None for f in all_of)
        typer.echo(f"{name:<{width}}  {mine.alerts(name):>6}  {len(all_of):>5}  {still:>4}")
    typer.echo("")
    if len(tallies) == 1:
        for fired in mine.fired:
            typer.echo(f"{_fired(fired, timezone)}")
    else:
        for sign, fired in _differences(mine, tallies[1]):
            typer.echo(f"{sign} {_fired(fired, timezone)}")
    for name, error in mine.errors.items():
        typer.echo(f"{name} could not always be evaluated: {error}")


def _fired(fired: Fired, timezone: str) -> str:
    from gateway.rules.template import duration

    ended = "still open"
    if fired.ended_us is not None:
        ended = f"ended after {duration((fired.ended_us - fired.fired_us) / 1e6)}"
    return f"{_time(fired.fired_us, timezone)}  {fired.rule}  {fired.summary}  ({ended})"


def _differences(mine: Tally, own: Tally) -> list[tuple[str, Fired]]:
    """`+`: only these rules fire so; `-`: only the site's own do."""
    known = {fired.identity for fired in own.fired}
    here = {fired.identity for fired in mine.fired}
    found = [("+", f) for f in mine.fired if f.identity not in known]
    found += [("-", f) for f in own.fired if f.identity not in here]
    return sorted(found, key=lambda pair: (pair[1].fired_us, pair[0]))


def _as_json(tallies: Sequence[Tally], names: Sequence[str]) -> dict[str, object]:
    mine = tallies[0]
    body: dict[str, object] = {
        "rules": {n: {"alerts": mine.alerts(n), "fired": len(mine.of(n))} for n in names},
        "fired": [fired.as_dict() for fired in mine.fired],
        "errors": mine.errors,
    }
    if len(tallies) > 1:
        differences = _differences(mine, tallies[1])
        body["added"] = [f.as_dict() for sign, f in differences if sign == "+"]
        body["gone"] = [f.as_dict() for sign, f in differences if sign == "-"]
    return body
