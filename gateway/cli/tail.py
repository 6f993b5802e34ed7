"""`rfid-gateway tail`: follow the movements of a running gateway."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from gateway.cli.client import Client, find_api
from gateway.cli.terminal import clock, exact, plain
from gateway.errors import Unavailable
from gateway.model.in_words import in_words, passage_in_words

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Json = dict[str, Any]

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 5.0


@app.command(epilog="Examples: rfid-gateway tail --zone staging-1 --json · tail --passages --why")
def tail(
    *,
    zone: Annotated[str | None, typer.Option(help="Only what leaves or enters this zone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    provisional: Annotated[
        bool, typer.Option("--provisional", help="Also movements that are not yet certain.")
    ] = False,
    passages: Annotated[
        bool, typer.Option("--passages", help="Also loads through doors, and what passed empty.")
    ] = False,
    alerts: Annotated[bool, typer.Option("--alerts", help="Also alerts.")] = False,
    why: Annotated[bool, typer.Option("--why", help="Each with its reasons.")] = False,
    api: Annotated[str | None, typer.Option(help="URL of the gateway.")] = None,
    site: Annotated[Path | None, typer.Option(help="Site directory that says where it is.")] = None,
) -> None:
    """Print movements as they happen, until interrupted.

    When the gateway goes away it waits for it, and goes on where it was.
    """
    kinds = ["movement", "passage"] if passages else ["movement"]
    if provisional:
        # "provisional" are movements, "provisional-passage" loads while they pass
        kinds += ["provisional", "provisional-passage"][: len(kinds)]
    if alerts:
        kinds.append("alert")
    query = {"kind": ",".join(kinds)}
    if zone is not None:
        query["zone"] = zone
    for event in follow(find_api(api, site), f"/api/v1/events?{urlencode(query)}"):
        if event.kind == "reset":
            _note("Some movements were missed; rfid-gateway keeps them: GET /api/v1/movements.")
        else:
            told = event.data if as_json else _told(event, why=why)
            sys.stdout.write(f"{told}\n")
            sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One server-sent event."""

    kind: str
    data: str


class EventReader:
    """Server-sent events out of lines; `last_id` is where to resume."""

    def __init__(self) -> None:
        self.last_id = ""

    def events(self, lines: Iterator[bytes]) -> Iterator[ServerEvent]:
        """The events of one connection."""
        kind, data = "message", list[str]()
        for line in lines:
            name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif not name and not value:
                if data:
                    yield ServerEvent(kind, "\n".join(data))
                kind, data = "message", []


def follow(url: str, path: str) -> Iterator[ServerEvent]:
    """Events without end: resumes by itself; the first connection has to succeed."""
    reader = EventReader()
    wait_s, connected, told = _FIRST_WAIT_S, False, False
    while True:
        try:
            with Client(url) as client:
                headers = {"last-event-id": reader.last_id} if reader.last_id else {}
                lines = client.lines(path, headers)
                if told:
                    _note("The gateway is back.")
                wait_s, connected, told = _FIRST_WAIT_S, True, False
                yield from reader.events(lines)
        except Unavailable:
            if not connected:
                raise
        if not told:
            _note(f"The gateway at {url} is away; waiting for it.")
            told = True
        time.sleep(wait_s * random.uniform(0.5, 1.0))
        wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def _told(event: ServerEvent, *, why: bool) -> str:
    body = json.loads(event.data)
    if event.kind == "alert":
        lines = [
            f"{clock(body['event_time'])}  {body['severity']}  {body['state']}: {body['summary']}"
        ]
    elif event.kind.endswith("passage"):
        words = passage_in_words(body, clock)
        lines = [f"{clock(body['event_time'])}  {words[0]}", *(words[1:] if why else ())]
    else:
        lines = [line(body), *(in_words(body, exact) if why else ())]
    return "\n    ".join(map(plain, lines))


def line(movement: Json) -> str:
    """`12:00:01  3034…1A85  staging-1 → yard  out through door-1  99.4%`."""
    before, after = movement["from"], movement["to"]
    if before and after:
        what = f"{before} → {after}"
    else:
        what = " ".join(p for p in (movement["kind"], before and f"from {before}", after) if p)
    parts = [clock(movement["event_time"]), movement["epc"], what]
    if movement["door"]:
        parts.append(f"{movement['direction'] or ''} through {movement['door']}".strip())
    parts.append(f"{movement['confidence']:.1%}")
    if movement["status"] != "confirmed":
        parts.append(f"({movement['status']})")
    return plain("  ".join(parts))


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
