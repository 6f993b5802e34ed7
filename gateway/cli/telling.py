"""What a replay decided, told while it runs: as lines of JSON, and in plain words."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TextIO

import orjson
import typer

from gateway.cli.terminal import plain
from gateway.errors import Unavailable
from gateway.model.epc_key import parse_key
from gateway.model.in_words import in_words, passage_in_words
from gateway.model.movement import Movement
from gateway.model.outcome import Outcome
from gateway.model.passage import Passage


class Lines:
    """Writes movements, passages and alerts to files, closed with `stack`, or where - to stdout.

    An empty name is none. Raises Unavailable for one that cannot be written.
    """

    def __init__(self, stack: ExitStack, movements: str, passages: str, alerts: str) -> None:
        self._movements = _open(movements, stack)
        self._passages = _open(passages, stack)
        self._alerts = _open(alerts, stack)

    def tell(self, outcome: Outcome) -> None:
        """Write what one tick decided."""
        self._movements.writelines(m.to_json() + b"\n" for m in outcome.movements)
        self._passages.writelines(p.to_json() + b"\n" for p in outcome.passages)
        self._alerts.writelines(a.to_json() + b"\n" for a in outcome.alerts)


class _Target:
    """One place that lines go to; raises Unavailable for what it does not take."""

    def __init__(self, name: str, file: IO[bytes] | None) -> None:
        self._name, self._file = name, file

    def writelines(self, lines: Iterable[bytes]) -> None:
        if self._file is not None:
            with self._told():
                self._file.writelines(lines)

    def close(self) -> None:
        """Write what is still in the buffer; standard output stays open."""
        if self._file is not None:
            with self._told():
                (self._file.flush if self._name == "-" else self._file.close)()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            raise  # whoever read has had enough
        except OSError as error:
            self._drop()
            name = "standard output" if self._name == "-" else self._name
            raise Unavailable(f"{name}: cannot be written: {error.strerror or error}") from error

    def _drop(self) -> None:
        """Forget what is in the buffer, so that nobody tries to write it once more."""
        file, self._file = self._file, None
        with suppress(OSError, ValueError):  # it may be closed already
            if file is not None:
                os.dup2(os.open(os.devnull, os.O_WRONLY), file.fileno())
                file.close()


class Words:
    """Tells movements and passages; with `of`, an EPC in any form, those of one tag alone.

    Of one tag what is provisional is told too.
    """

    def __init__(self, to: TextIO, of: str = "") -> None:
        self._to = to
        self._epcs = _epcs(of) if of else None

    def tell(self, outcome: Outcome) -> None:
        """Tell what one tick decided."""
        told: list[Movement] = [*outcome.movements]
        if self._epcs is not None:
            told = [m for m in (*outcome.provisional, *told) if m.epc in self._epcs]
        for movement in told:
            first, *others = in_words(orjson.loads(movement.to_json()))
            self._write([f"{movement.epc}  {first}", *others])
        for passage in outcome.passages:
            if self._epcs is None or not self._epcs.isdisjoint(_tags(passage)):
                self._write(passage_in_words(orjson.loads(passage.to_json())))

    def _write(self, lines: Iterable[str]) -> None:
        self._to.write("\n    ".join(map(plain, lines)) + "\n")


def _tags(passage: Passage) -> set[str]:
    """The tags of a passage, those that were not read included."""
    return {*passage.epcs, *(other["epc"] for other in passage.evidence.get("inferred", ()))}


def _epcs(text: str) -> frozenset[str]:
    try:
        found = parse_key(text).epcs
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--explain") from error
    if not found:
        raise typer.BadParameter(f"'{text}' is no EPC of one tag", param_hint="--explain")
    return frozenset(epc.hex().upper() for epc in found)


def _open(name: str, stack: ExitStack) -> _Target:
    try:
        file = sys.stdout.buffer if name == "-" else None
        if name not in ("", "-"):
            file = Path(name).open("wb")  # noqa: SIM115 - `stack` closes it
    except OSError as error:
        raise Unavailable(f"{name}: cannot be written: {error.strerror or error}") from error
    target = _Target(name, file)
    stack.callback(target.close)
    return target
