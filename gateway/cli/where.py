"""`rfid-gateway where`: ask a running gateway where something is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.client import Client, find_api
from gateway.cli.terminal import ago, clock, columns, exact, plain
from gateway.errors import GatewayError, Unavailable
from gateway.model.in_words import heard, in_words

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Json = dict[str, Any]

_EPILOG = (
    "Examples: rfid-gateway where 3034257BF7194E4000001A85 --why · rfid-gateway where staging-1"
)


@app.command(epilog=_EPILOG)
def where(
    query: Annotated[
        str, typer.Argument(help="An EPC (hex, URI, Digital Link), SSCC, GTIN or zone.")
    ],
    *,
    why: Annotated[
        bool, typer.Option("--why", help="Of a tag: why it is believed to be there.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most tags of a zone.")] = 20,
    api: Annotated[str | None, typer.Option(help="URL of the gateway.")] = None,
    site: Annotated[Path | None, typer.Option(help="Site directory that says where it is.")] = None,
) -> None:
    """Say where a tag or a trade item is, since when and how sure that is; or what a zone holds.

    Exit code 0: found; 1: not known here, or no gateway answers.
    """
    with Client(find_api(api, site)) as client:
        (found,) = client.post("/api/v1/lookup", {"keys": [query]})["results"]
        kind = found["kind"]
        if kind is None:
            if as_json:
                typer.echo(json.dumps(found, ensure_ascii=False))
            raise GatewayError(plain(found["problem"]))
        answer = {"kind": kind, kind: found[kind]}
        if kind == "tag":
            epc = found["tag"]["epc"]
            answer["last_movement"] = _last_movement(client, epc)
            if why:
                answer["heard_by"] = client.get(f"/api/v1/tags/{epc}/why")["reads"]
        elif kind == "zone":
            name = quote(found["zone"]["id"], safe="")
            answer["tags"] = client.get(f"/api/v1/zones/{name}/tags?limit={limit}")["tags"]
    describe = {"tag": _tag, "zone": _zone, "gtin": _gtin}[kind]
    typer.echo(json.dumps(answer, ensure_ascii=False) if as_json else describe(answer))


def _last_movement(client: Client, epc: str) -> Json | None:
    try:
        movements = client.get(f"/api/v1/tags/{epc}/history?limit=1")["movements"]
    except Unavailable:  # where it is does not depend on what is on record
        return None
    return next(iter(movements), None)


def _tag(answer: Json) -> str:
    tag, movement = answer["tag"], answer["last_movement"]
    names = [f"SSCC {tag['sscc']}" if tag["sscc"] else "", tag["epc_uri"] or ""]
    lines = ["  ".join(name for name in (tag["epc"], *names) if name)]
    lines.append(f"  {_state(tag)}")
    if tag["reason"]:
        lines.append(f"  because {plain(tag['reason'])}")
    if tag["last_seen"]:
        lines.append(f"  last seen {clock(tag['last_seen'])}, {ago(tag['last_seen'])}")
    if movement and (movement["from"] or movement["door"]):
        lines.append(f"  {_came(movement)}")
    if "heard_by" in answer:
        lines += _why(movement, answer["heard_by"])
    return "\n".join(lines)


def _why(movement: Json | None, heard_by: list[Json]) -> list[str]:
    words = in_words(movement, exact) if movement else ["none on record"]
    lines = [f"  last movement: {words[0]}", *(f"    {line}" for line in words[1:])]
    lines += ["  heard by, now or last:", *(f"    {heard(row, exact)}" for row in heard_by)]
    return [plain(line) for line in lines]


def _state(tag: Json) -> str:
    place = _place(tag)
    since = f"since {clock(tag['since'])}, {ago(tag['since'])}" if tag["since"] else ""
    sure = f"{tag['confidence']:.1%} sure"
    return {
        "present": f"in {place} {since}; {sure}",
        "unknown": f"unknown; was in {place} {since}",
        "missing": f"missing {since}; was in {place}",
        "departed": f"gone {since}",
        "new": "read, but not yet anywhere: wait a few seconds",
    }[tag["state"]]


def _came(movement: Json) -> str:
    parts = [movement["kind"]]
    if movement["from"]:
        parts.append(f"from {movement['from']}")
    if movement["door"]:
        parts.append(f"through {movement['door']}")
    if movement["direction"]:
        parts.append(f"({movement['direction']})")
    return f"{plain(' '.join(parts))} at {clock(movement['event_time'])}"


def _zone(answer: Json) -> str:
    zone, tags = answer["zone"], answer["tags"]
    lines = [f"{_name(zone['id'], zone['name'])}: {_counted(zone['tags'])}"]
    if zone["missing"]:
        lines.append(f"  {zone['missing']} missing")
    if zone["blind"]:
        lines.append(f"  not all can be seen: {plain(zone['blind'])}")
    if tags:
        rows = [(t["epc"], t["state"], clock(t["since"]), t["epc_uri"] or "-") for t in tags]
        lines.append(columns(("EPC", "STATE", "SINCE", "URI"), rows))
    if (more := zone["tags"] + zone["missing"] - len(tags)) > 0:
        lines.append(f"… and {more} more: --limit")
    return "\n".join(lines)


def _gtin(answer: Json) -> str:
    stock = answer["gtin"]
    head = f"GTIN {stock['gtin']}: {_counted(stock['tags'])}"
    rows = [
        (_name(p["zone"], p["zone_name"]) if p["zone"] else "nowhere", p["state"], str(p["tags"]))
        for p in stock["places"]
    ]
    return f"{head}\n{columns(('ZONE', 'STATE', 'TAGS'), rows)}" if rows else head


def _place(tag: Json) -> str:
    return _name(tag["zone"], tag["zone_name"]) if tag["zone"] else "no zone"


def _name(name: str, title: str) -> str:
    return plain(name if title == name else f"{title} ({name})")


def _counted(tags: int) -> str:
    return f"{tags} tag{'' if tags == 1 else 's'}"
