"""`rfid-gateway outbox`: what waits for the sinks, what they refused, and what to do with it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.outboxes import open_outbox
from gateway.cli.terminal import ago, clock, columns, plain, span
from gateway.errors import GatewayError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Json = dict[str, Any]

_API = typer.Option(help="URL of the gateway; then its store is never opened directly.")
_SITE = typer.Option(help="Site directory that says where it is.")
_SEQS = typer.Argument(metavar="[SEQ]...", help="Which dead letters, as `outbox ls` numbers them.")
_ALL = typer.Option("--all", help="All dead letters of the sink.")


@app.callback(epilog="Example: rfid-gateway outbox ls --sink wms")
def outbox() -> None:
    """What waits for the sinks, and what they refused.

    Asks the running gateway; when none runs, the store of the site is opened instead.
    """


@app.command("ls", epilog="Example: rfid-gateway outbox ls --sink wms --json")
def list_queues(
    *,
    sink: Annotated[str | None, typer.Option(help="Only this sink.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Most dead letters shown.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    api: Annotated[str | None, _API] = None,
    site: Annotated[Path | None, _SITE] = None,
) -> None:
    """Show each sink's queue and what was set aside."""
    with open_outbox(api, site) as found:
        letters = found.dead_letters(sink, limit)
        report = found.report()
    if sink is not None:
        report["sinks"] = [row for row in report["sinks"] if row["name"] == sink]
    if as_json:
        typer.echo(json.dumps(report | {"dead_letters": letters}, ensure_ascii=False))
        return
    typer.echo(f"{_queues(report['sinks'])}\n{_buffer(report['buffer'])}")
    if letters:
        dead = sum(row["dead_letters"] for row in report["sinks"])
        typer.echo(f"\n{_letters(letters, dead)}")


@app.command("retry", epilog="Example: rfid-gateway outbox retry wms --all")
def retry(
    sink: Annotated[str, typer.Argument(help="The sink's name.")],
    seqs: Annotated[list[int] | None, _SEQS] = None,
    *,
    everything: Annotated[bool, _ALL] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    api: Annotated[str | None, _API] = None,
    site: Annotated[Path | None, _SITE] = None,
) -> None:
    """Have a sink try again at once, even when it is held, and dead letters with it.

    Dead letters go in their order between the new records, and hold nothing back. What the sink
    refuses again stays set aside.
    """
    _check_choice(seqs, everything)
    with open_outbox(api, site) as found:
        again = found.retry(sink, None if everything else seqs or [])
        running = found.running
    if as_json:
        typer.echo(json.dumps({"sink": sink, "again": again, "running": running}))
        return
    when = "now" if running else "when the gateway is started"
    letters = f", and {_counted(again)} with it" if seqs or everything else ""
    typer.echo(f"The sink {sink} tries again {when}{letters}.")


@app.command("drop", epilog="Example: rfid-gateway outbox drop wms 4711 4712 --yes")
def drop(
    sink: Annotated[str, typer.Argument(help="The sink's name.")],
    seqs: Annotated[list[int] | None, _SEQS] = None,
    *,
    everything: Annotated[bool, _ALL] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    api: Annotated[str | None, _API] = None,
    site: Annotated[Path | None, _SITE] = None,
) -> None:
    """Remove dead letters for good; what waits for the sink is not touched."""
    _check_choice(seqs, everything)
    if not seqs and not everything:
        raise GatewayError(
            f"Which dead letters? Name them ('rfid-gateway outbox ls --sink {plain(sink)}' lists "
            "them), or say --all."
        )
    with open_outbox(api, site) as found:
        found.dead_letters(sink, 1)  # a misspelt name is told before anybody is asked
        which = "ALL dead letters" if everything else f"{len(set(seqs or ()))} dead letter(s)"
        if not yes and not typer.confirm(f"Remove {which} of {plain(sink)} for good?"):
            raise GatewayError("Nothing was removed.")
        dropped = found.drop(sink, None if everything else seqs)
    if as_json:
        typer.echo(json.dumps({"sink": sink, "dropped": dropped}))
    else:
        typer.echo(f"{_counted(dropped)} of {sink} removed.")


def _check_choice(seqs: Sequence[int] | None, everything: bool) -> None:
    if seqs and everything:
        raise GatewayError("Either name dead letters or say --all, not both.")


def _queues(sinks: Sequence[Json]) -> str:
    if not sinks:
        return "There are no sinks."
    rows = [
        (
            sink["name"],
            sink["state"],
            f"{sink['pending']:,}",
            _age(sink["oldest"]),
            "-" if sink["delivered"] is None else f"{sink['delivered']:,}",
            f"{sink['dead_letters']:,}",
        )
        for sink in sinks
    ]
    lines = [columns(("SINK", "STATE", "WAITING", "OLDEST", "DELIVERED", "SET ASIDE"), rows)]
    return "\n".join([*lines, *(remark for sink in sinks for remark in _remarks(sink))])


def _buffer(buffer: Json) -> str:
    free, limit = (f"{buffer[key] / 1e6:,.0f} MB" for key in ("free_bytes", "limit_bytes"))
    hours = buffer["hours_left"]
    lasts = "" if hours is None else f"; at the recent rate they last {span(hours * 3600)}"
    return f"{free} of {limit} are left for what waits{lasts}."


def _remarks(sink: Json) -> list[str]:
    """What the table has no room for."""
    remarks = []
    if sink["reason"]:
        again = f"; tries again at {clock(sink['retry_at'])}" if sink["retry_at"] else ""
        remarks.append(f"{sink['reason']}{again}")
    if sink["again"]:
        remarks.append(f"{_counted(sink['again'])} to be tried again")
    if sink["let_go"]:
        remarks.append(f"{sink['let_go']:,} records were given up for lack of room or their age")
    if sink["removed"]:
        remarks.append(f"removed from the settings {ago(sink['removed'])}")
    return [plain(f"{sink['name']}: {remark}") for remark in remarks]


def _letters(letters: Sequence[Json], dead: int) -> str:
    rows = [
        (
            str(letter["seq"]),
            letter["sink"],
            letter["kind"],
            plain(letter["id"]),
            clock(letter["set_aside"]),
            plain(letter["reason"]) + (" (to be tried again)" if letter["again"] else ""),
        )
        for letter in letters
    ]
    table = columns(("SEQ", "SINK", "KIND", "ID", "SET ASIDE", "REASON"), rows)
    more = f"\n… and {dead - len(letters):,} more: --limit" if dead > len(letters) else ""
    return f"{table}{more}"


def _age(iso: str | None) -> str:
    if iso is None:
        return "-"
    return span((datetime.now().astimezone() - datetime.fromisoformat(iso)).total_seconds())


def _counted(letters: int) -> str:
    return f"{letters:,} dead letter{'' if letters == 1 else 's'}"
