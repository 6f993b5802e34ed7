"""`rfid-gateway llrp`: raw LLRP bytes as a readable tree or as JSON lines, and back."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gateway.errors import GatewayError
from gateway.llrp.codec import MESSAGE_HEADER, Message, decode, encode
from gateway.llrp.errors import DecodeError, EncodeError
from gateway.llrp.framing import HEADER_BYTES, LEADING_VERSIONS, VERSION_MASK, bad_header
from gateway.llrp.tree import from_json, pretty, to_json

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

MAX_INPUT_BYTES = 64 * 1024 * 1024
#: A reader's message is bounded more tightly; here a person asked, and may wait for it.
MAX_PARAMETERS = 1_000_000
_STANDARD_INPUT = Path("-")
#: A binary message is never plain text: the first byte of its length is below 0x05.
_PLAIN_TEXT = re.compile(rb"[\t\n\v\f\r\x20-\x7e]*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: What may stand between hex digits.
_SEPARATORS = re.compile(rb"[\s:,;-]+")
_PREFIX = re.compile(rb"\b0[xX]")
_NOT_HEX = re.compile(rb"[^0-9A-Fa-f\s:,;-]")

File = Annotated[Path, typer.Argument(help="A file; standard input if absent or -.")]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in the input that is not a message: where, and what is wrong."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@app.callback()
def llrp() -> None:
    """Decode and encode raw LLRP bytes."""


@app.command("decode", epilog="Example: rfid-gateway llrp decode --json capture.bin")
def decode_command(
    file: File = _STANDARD_INPUT,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="One object per message and line, for `encode`.")
    ] = False,
) -> None:
    """Print LLRP messages, any number of them back to back, binary or as hex text.

    Exit code 0: all is well; 1: a message was broken or cut off. The good ones are printed.
    """
    faults = 0
    for found in _messages(_bytes_of(_read(file), file)):
        if isinstance(found, Fault):
            faults += 1
            typer.echo(str(found), err=True)
        else:
            shown = json.dumps(to_json(found)) if as_json else pretty(found)
            sys.stdout.write(f"{shown}\n")
    if faults:
        raise typer.Exit(1)


@app.command(
    "encode", epilog="Example: rfid-gateway llrp decode --json a.bin | rfid-gateway llrp encode"
)
def encode_command(
    file: File = _STANDARD_INPUT,
    *,
    as_hex: Annotated[
        bool, typer.Option("--hex", help="Hex text, a message per line, instead of binary.")
    ] = False,
) -> None:
    """Write the messages that `decode --json` printed, as bytes to standard output.

    Exit code 0: all is well; 1: a line was no message. The good ones are written.
    """
    if not as_hex and sys.stdout.isatty():
        raise GatewayError("binary is not written to a terminal: add --hex, or redirect it")
    faults = 0
    for found in _frames(_read(file)):
        if isinstance(found, Fault):
            faults += 1
            typer.echo(str(found), err=True)
        elif as_hex:
            sys.stdout.write(f"{found.hex()}\n")
        else:
            sys.stdout.buffer.write(found)
    if faults:
        raise typer.Exit(1)


def _read(file: Path) -> bytes:
    """The whole input, bounded; a user's mistake is a GatewayError."""
    try:
        if file == _STANDARD_INPUT:
            data = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MAX_INPUT_BYTES + 1)
    except OSError as error:
        raise GatewayError(f"{file}: {error.strerror or error}") from None
    if len(data) > MAX_INPUT_BYTES:
        raise GatewayError(f"{file}: more than {MAX_INPUT_BYTES >> 20} MiB; split it")
    return data


def _bytes_of(data: bytes, file: Path) -> bytes:
    """The bytes meant: as they are, or those that hex text spells."""
    text = data.removeprefix(_BYTE_ORDER_MARK)
    if not _PLAIN_TEXT.fullmatch(text):
        return data
    text = _PREFIX.sub(b"  ", text)  # as long as it was: columns stay true
    if odd := _NOT_HEX.search(text):
        line = text.count(b"\n", 0, odd.start()) + 1
        column = odd.start() - text.rfind(b"\n", 0, odd.start())
        raise GatewayError(
            f"{file}:{line}:{column}: {odd[0].decode()!r} is not a hex digit; expected binary LLRP,"
            " or hex without offsets and comments (xxd -p writes it)"
        )
    digits = _SEPARATORS.sub(b"", text).decode()
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise GatewayError(
            f"{file}: {len(digits)} hex digits are not whole bytes of two digits each"
        ) from None


def _messages(data: bytes) -> Iterator[Message | Fault]:
    """The messages in `data`, in order, and what is wrong with those that are none."""
    at = 0
    number = 0
    while at < len(data):
        number += 1
        where = f"message {number} at byte {at}"
        left = len(data) - at
        if left < HEADER_BYTES:
            yield Fault(where, f"the input ends after {left} of its header's {HEADER_BYTES} bytes")
            return
        lead, length, _ = MESSAGE_HEADER.unpack_from(data, at)
        if length < HEADER_BYTES or lead & VERSION_MASK not in LEADING_VERSIONS:
            error = bad_header(data, at, at, MAX_INPUT_BYTES)
            yield Fault(where, f"{error.reason}; it begins {error.head}")
            return
        if length > left:
            yield Fault(where, f"the input ends after {left} of its {length} bytes")
            return
        try:
            yield decode(data[at : at + length], max_parameters=MAX_PARAMETERS)
        except DecodeError as error:
            yield Fault(where, str(error))
        at += length


def _frames(lines: bytes) -> Iterator[bytes | Fault]:
    """The frames that JSON lines describe, in order, and what is wrong with the other lines."""
    for number, line in enumerate(lines.removeprefix(_BYTE_ORDER_MARK).splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield encode(from_json(json.loads(line)))
        except EncodeError as error:
            yield Fault(f"line {number}", str(error))
        except (ValueError, RecursionError) as error:
            yield Fault(
                f"line {number}", f"not a JSON object as `decode --json` writes it: {error}"
            )
