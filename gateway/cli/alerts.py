"""`rfid-gateway alerts`: what fires, who has taken note, and what is not to be heard of."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from gateway.cli.client import Client, find_api
from gateway.cli.terminal import clock, columns, plain
from gateway.errors import GatewayError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Json = dict[str, Any]
#: So many letters of an id are shown, and enough to name it.
SHORT = 8

_API = Annotated[str | None, typer.Option(help="URL of the gateway.")]
_SITE = Annotated[Path | None, typer.Option(help="Site directory that says where it is.")]
_JSON = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_BY = Annotated[str, typer.Option(help="Who says so.", default_factory=getpass.getuser)]
_NOTE = Annotated[str, typer.Option(help="Why.")]


@app.callback(epilog="Example: rfid-gateway alerts ls")
def alerts() -> None:
    """Alerts of a running gateway."""


@app.command("ls", epilog="Example: rfid-gateway alerts ls --state firing --json")
def list_alerts(
    *,
    state: Annotated[str | None, typer.Option(help="firing or resolved.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only of this rule.")] = None,
    as_json: _JSON = False,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """List alerts that fire or ended a short while ago, the newest first."""
    query = {k: v for k, v in (("state", state), ("rule", rule)) if v is not None}
    with Client(find_api(api, site)) as client:
        answer = client.get(f"/api/v1/alerts?{urlencode(query)}")
        silences = client.get("/api/v1/silences")["silences"]
        holds = client.get("/api/v1/holds")["holds"]
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    rows = [_row(alert) for alert in answer["alerts"]]
    head = ("ID", "SEVERITY", "STATE", "SINCE", "RULE", "SUMMARY")
    typer.echo(columns(head, rows) if rows else "No alerts.")
    for silence in silences:
        typer.echo(
            f"silence {silence['id'][:SHORT]} until {clock(silence['until'])}: {_what(silence)}"
        )
    for held in holds:
        since = clock(held["since"])
        typer.echo(plain(f"zone {held['zone']} is held since {since}: {held['summary']}"))


@app.command("ack", epilog='Example: rfid-gateway alerts ack 5a9c2c65 --note "on my way" --for 1h')
def acknowledge(
    alert: Annotated[str, typer.Argument(help="The alert's id, or the first letters of it.")],
    *,
    note: _NOTE = "",
    by: _BY,
    duration: Annotated[str | None, typer.Option("--for", help="For so long, such as 1h.")] = None,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """Take note of an alert: it is not told again, and a latched one ends."""
    given: Json = {"by": by, "note": note}
    if duration is not None:
        given |= {"for_s": _seconds(duration)}
    with Client(find_api(api, site)) as client:
        meant = _meant(client, alert)
        client.post(f"/api/v1/alerts/{quote(meant, safe='')}/ack", given)
    typer.echo(f"Alert {meant[:SHORT]} is acknowledged by {plain(by)}.")


@app.command("silence", epilog="Example: rfid-gateway alerts silence --rule reader-quiet --for 8h")
def silence(
    alert: Annotated[str | None, typer.Argument(help="An alert's id: its rule and fields.")] = None,
    *,
    rule: Annotated[str | None, typer.Option(help="Alerts of this rule.")] = None,
    severity: Annotated[str | None, typer.Option(help="info, warning or critical.")] = None,
    match: Annotated[list[str] | None, typer.Option(help="A field, such as zone=bin-a-01.")] = None,
    duration: Annotated[str, typer.Option("--for", help="For so long.")] = "1h",
    note: _NOTE = "",
    by: _BY,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """Hear nothing of some alerts for a while; they are still recorded."""
    given: Json = {"by": by, "note": note, "for_s": _seconds(duration)}
    with Client(find_api(api, site)) as client:
        if alert is not None:
            path = f"/api/v1/alerts/{quote(_meant(client, alert), safe='')}/silence"
        else:
            path = "/api/v1/silences"
            given |= {"rule": rule, "severity": severity, "match": _fields(match or [])}
        told = client.post(path, given)
    typer.echo(f"Silence {told['id'][:SHORT]} until {clock(told['until'])}: {_what(told)}")


@app.command("unsilence", epilog="Example: rfid-gateway alerts unsilence 1f0c2a77")
def unsilence(
    silence_id: Annotated[str, typer.Argument(metavar="SILENCE", help="Its id, as `ls` shows it.")],
    *,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """End a silence."""
    with Client(find_api(api, site)) as client:
        ids = [s["id"] for s in client.get("/api/v1/silences")["silences"]]
        meant = _one(silence_id, ids, "silence")
        client.delete(f"/api/v1/silences/{quote(meant, safe='')}")
    typer.echo(f"Silence {meant[:SHORT]} has ended.")


@app.command("release", epilog="Example: rfid-gateway alerts release staging-1")
def release(
    zone: Annotated[str, typer.Argument(help="The zone.")],
    *,
    api: _API = None,
    site: _SITE = None,
) -> None:
    """Release a zone that a rule holds."""
    with Client(find_api(api, site)) as client:
        client.delete(f"/api/v1/holds/{quote(zone, safe='')}")
    typer.echo(f"Zone {plain(zone)} is released.")


def _meant(client: Client, alert: str) -> str:
    return _one(alert, [a["id"] for a in client.get("/api/v1/alerts")["alerts"]], "alert")


def _one(text: str, ids: list[str], what: str) -> str:
    found = [id_ for id_ in ids if id_.startswith(text.lower())]
    if len(found) != 1:
        how_many = f"{len(found)} {what}s have" if found else f"No {what} has"
        raise GatewayError(f"{how_many} an id that begins with '{plain(text)}': see 'alerts ls'.")
    return found[0]


def _row(alert: Json) -> tuple[str, ...]:
    flags = [name for name in ("silenced", "inhibited", "flapping", "dry_run") if alert[name]]
    if alert["acknowledged"]:
        flags.append(f"acknowledged by {alert['acknowledged']['by']}")
    state = alert["state"] + (f" ({', '.join(flags)})" if flags else "")
    return (
        alert["id"][:SHORT],
        alert["severity"],
        plain(state),
        clock(alert["started"]),
        plain(alert["rule"]),
        plain(alert["summary"]),
    )


def _what(silence: Json) -> str:
    parts = [f"{name} {silence[name]}" for name in ("rule", "severity") if silence.get(name)]
    parts += [f"{name}={value}" for name, value in silence["match"].items()]
    return plain(", ".join(parts))


def _fields(pairs: list[str]) -> dict[str, str]:
    fields = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name:
            raise typer.BadParameter(f"'{pair}' is not NAME=VALUE", param_hint="--match")
        fields[name] = value
    return fields


def _seconds(text: str) -> float:
    from gateway.settings.values import parse_duration

    parse: Callable[[str], float] = parse_duration
    if text.strip().isdecimal():
        told = f"'{text}' has no unit: write {text}m for minutes, or {text}h for hours"
        raise typer.BadParameter(told, param_hint="--for")
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(f"'{text}': {error}", param_hint="--for") from error
