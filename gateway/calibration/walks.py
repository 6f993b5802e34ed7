"""Walks: the file beside a recording in which a person says what happened when.

tags: ["3034257BF7194E40*"]             # what was carried, unless a walk says otherwise
walks:
  - {begin: "0:15", end: "0:32", what: out, door: door-1}
  - {begin: "0:50", end: "1:10", what: turn-back, door: door-1}
bins:
  - {zone: bin-a-01, tags: ["3034257BF7194E4000001A85"], begin: "0:00", end: "2:00"}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Field

from gateway.model.place import Site
from gateway.settings.document import read_document
from gateway.settings.files import is_file
from gateway.settings.fit import fit
from gateway.settings.node import Node, Place
from gateway.settings.report import Report, quoted, suggestion
from gateway.settings.section import Section
from gateway.settings.values import Identifier, parse_duration

_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,6})?)")
_EPC = re.compile(r"[0-9A-Fa-f]{0,124}\*|(?:[0-9A-Fa-f]{2}){1,62}")


class What(StrEnum):
    """What the tags of a walk did."""

    OUT = "out"
    IN = "in"
    TURN_BACK = "turn-back"  # came up to a door, and went back
    CROSS = "cross"  # were carried past the doors
    STAND = "stand"  # did not move at all


#: What is done at one door; the rest concerns all of them.
AT_A_DOOR = (What.OUT, What.IN, What.TURN_BACK)


class Moment(NamedTuple):
    """A time as a person gives it: by the clock, or since the recording began."""

    us: int
    absolute: bool

    def at(self, start_us: int) -> int:
        """Microseconds since the epoch, for a recording that begins at `start_us`."""
        return self.us if self.absolute else start_us + self.us


def _moment(value: Any) -> Any:
    text = str(value).strip()
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return Moment(round((hours * 3600 + minutes * 60 + seconds) * 1e6), absolute=False)
    if "T" in text or "-" in text:
        return _by_the_clock(text)
    try:
        return Moment(round(parse_duration(text) * 1e6), absolute=False)
    except ValueError:
        raise ValueError(
            "expected a time since the recording began, such as 1:25 or 85s, or a moment such as "
            f"2026-11-21T08:01:25Z, got {quoted(text)}"
        ) from None


def _by_the_clock(text: str) -> Moment:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"expected a moment such as 2026-11-21T08:01:25Z, got {quoted(text)}"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"expected a moment with its time zone, such as {text}Z or {text}+01:00")
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return Moment(round(since.total_seconds() * 1e6), absolute=True)


def _pattern(value: Any) -> Any:
    text = str(value)
    if not _EPC.fullmatch(text):
        raise ValueError(
            "expected an EPC in hex, or the beginning of some with a star, such as 3034257BF7*, "
            f"got {quoted(text)}"
        )
    return text.upper()


MomentText = Annotated[Moment, BeforeValidator(_moment)]
TagPattern = Annotated[str, BeforeValidator(_pattern)]
TagPatterns = Annotated[tuple[TagPattern, ...], Field(min_length=1)]


class WalkEntry(Section):
    """Something that was done on purpose, and watched."""

    begin: MomentText
    end: MomentText
    what: What
    door: Identifier | None = None
    tags: TagPatterns | None = None


class BinEntry(Section):
    """Tags that are known to lie in a zone."""

    zone: Identifier
    tags: TagPatterns
    begin: MomentText
    end: MomentText


class WalksFile(Section):
    """Everything of a walks file."""

    tags: TagPatterns | None = None
    walks: tuple[WalkEntry, ...] = ()
    bins: tuple[BinEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A walk, with times by the clock and tags as patterns; `number` is its place in the file."""

    number: int
    what: What
    door: str | None
    begin_us: int
    end_us: int
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lying:
    """Tags that lay in a zone for a while; `number` is its place in the file."""

    number: int = 0
    zone: str
    begin_us: int
    end_us: int
    tags: tuple[str, ...]


def read_walks(path: Path, site: Site) -> WalksFile:
    """A walks file, checked against the site; raises `SettingsError` with every problem."""
    report = Report()
    if not is_file(path):
        report.problem(Place(str(path)), "there is no such file")
    document = read_document(path, report)
    found = fit(document, WalksFile, report) if document else None
    if found is not None:
        _check(found[0], found[1], site, report)
    report.raise_problems()
    assert found is not None
    return found[0]


def walks_of(file: WalksFile, start_us: int) -> tuple[list[Walk], list[Lying]]:
    """What happened, for recordings that begin at `start_us`."""
    walks = [
        Walk(
            number=number,
            what=entry.what,
            door=entry.door,
            begin_us=entry.begin.at(start_us),
            end_us=entry.end.at(start_us),
            tags=entry.tags or file.tags or (),
        )
        for number, entry in enumerate(file.walks, start=1)
    ]
    lying = [
        Lying(
            number=number,
            zone=entry.zone,
            begin_us=entry.begin.at(start_us),
            end_us=entry.end.at(start_us),
            tags=entry.tags,
        )
        for number, entry in enumerate(file.bins, start=1)
    ]
    return walks, lying


def fits(epc: str, patterns: Sequence[str]) -> bool:
    """Whether an EPC in upper-case hex is meant by any of the patterns."""
    return any(
        epc.startswith(pattern[:-1]) if pattern.endswith("*") else epc == pattern
        for pattern in patterns
    )


def _check(file: WalksFile, tree: Node, site: Site, report: Report) -> None:
    if not file.walks and not file.bins and not report.problems:
        report.problem(tree.place, "nothing to learn from: neither walks nor bins")
    for n, walk in enumerate(file.walks):
        node = tree.at("walks", n)
        _check_times(walk.begin, walk.end, node, report)
        if walk.what in AT_A_DOOR and walk.door is None:
            report.problem(node.place, f"'door' is required for a walk of kind '{walk.what}'")
        if walk.door is not None and walk.door not in site.door_numbers:
            hint = suggestion(walk.door, site.door_numbers)
            report.problem(node.at("door").place, f"there is no door {quoted(walk.door)}{hint}")
        if walk.tags is None and file.tags is None:
            report.problem(node.place, "'tags' is required here, or once for the whole file")
    for n, entry in enumerate(file.bins):
        node = tree.at("bins", n)
        _check_times(entry.begin, entry.end, node, report)
        if entry.zone not in site.zone_numbers:
            hint = suggestion(entry.zone, site.zone_numbers)
            report.problem(node.at("zone").place, f"there is no zone {quoted(entry.zone)}{hint}")


def _check_times(begin: Moment, end: Moment, node: Node, report: Report) -> None:
    if begin.absolute != end.absolute:
        report.problem(
            node.at("end").place, "give both times the same way: by the clock, or since the start"
        )
    elif end.us <= begin.us:
        report.problem(node.at("end").place, "'end' must be later than 'begin'")
