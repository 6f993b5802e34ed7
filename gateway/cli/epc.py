"""`rfid-gateway epc`: EPCs as hex, URIs, GS1 Digital Links and element strings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Annotated

import typer

from gateway.errors import GatewayError

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

#: A longer line of standard input is no EPC in any form.
MAX_LINE_CHARACTERS = 4_096
#: What each form is called for people, in the order in which it is told.
_NAMES = {
    "epc_uri": "identity",
    "tag_uri": "tag URI",
    "digital_link": "Digital Link",
    "gs1_element_string": "element string",
    "raw_uri": "raw",
}

AsJson = Annotated[bool, typer.Option("--json", help="One object per EPC and line.")]


@app.callback()
def epc() -> None:
    """Translate EPCs: hex, URI, GS1 Digital Link, element string."""


@app.command("decode", epilog="Example: rfid-gateway epc decode 3034257BF7194E4000001A85")
def decode_command(
    epcs: Annotated[
        list[str] | None,
        typer.Argument(metavar="EPC…", help="Hex, or a URI; absent or -: a line each."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what tags hold: their scheme and identity in every form.

    A tag that follows no scheme is no error. Exit code 0: all is well; 1: something was no EPC.
    """
    from gateway.model.epc_text import parse_any

    _translate(epcs, parse_any, as_json=as_json)


@app.command(
    "encode", epilog="Example: rfid-gateway epc encode urn:epc:id:sgtin:0614141.812345.6789"
)
def encode_command(
    uris: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="URI…", help="A URI, Digital Link or element string; absent or -: a line each."
        ),
    ] = None,
    *,
    filter_value: Annotated[
        int, typer.Option("--filter", min=0, max=63, help="The filter value on the tag.")
    ] = 0,
    prefix_digits: Annotated[
        int | None,
        typer.Option(
            min=6, max=12, help="Length of the company prefix in a Digital Link or element string."
        ),
    ] = None,
    coding: Annotated[
        str | None, typer.Option(help="The layout of bits, such as sgtin-198 or sgtin+.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the bits for a tag as hex.

    A GS1 Digital Link or element string does not say how long the company prefix is. Without
    --prefix-digits it becomes a "+" scheme of TDS 2, which does not need to know.
    Exit code 0: all is well; 1: something cannot be encoded.
    """
    from gateway.model.epc_text import parse_text

    def parse(text: str) -> bytes:
        return parse_text(
            text, filter_value=filter_value, prefix_digits=prefix_digits, coding=coding
        )

    _translate(uris, parse, as_json=as_json, as_hex=True)


def _translate(
    texts: list[str] | None,
    parse: Callable[[str], bytes],
    *,
    as_json: bool,
    as_hex: bool = False,
) -> None:
    """Print each text's EPC; what is none goes to standard error, and the rest goes on."""
    from gateway.model.epc_text import describe

    faults = 0
    for where, text in _texts(texts):
        try:
            tag = parse(text)
        except ValueError as error:
            faults += 1
            typer.echo(f"{where}{error}", err=True)
            continue
        if as_json:
            typer.echo(json.dumps(describe(tag)))
        else:
            typer.echo(tag.hex().upper() if as_hex else _told(describe(tag)))
    if faults:
        raise typer.Exit(1)


def _texts(given: list[str] | None) -> Iterator[tuple[str, str]]:
    """Each text and where it stands; from standard input if none is given."""
    if given and given != ["-"]:
        yield from (("", text) for text in given)
        return
    try:
        number = 0
        while line := sys.stdin.readline(MAX_LINE_CHARACTERS):
            number += 1
            if line.strip():
                yield f"line {number}: ", line.strip()
    except UnicodeDecodeError as error:
        raise GatewayError(f"standard input is not text: {error.reason}") from None


def _told(forms: dict[str, str | int | None]) -> str:
    """One EPC for people."""
    if forms["scheme"] is None:
        scheme = "none that is known"
    elif forms["filter"] is None:
        scheme = str(forms["scheme"])
    else:
        scheme = f"{forms['scheme']}, filter {forms['filter']}"
    rows = [("scheme", scheme)]
    rows += [(name, str(forms[key])) for key, name in _NAMES.items() if forms[key] is not None]
    return "\n".join([str(forms["hex"]), *(f"  {name:<15}{text}" for name, text in rows)])
