"""Which tag, GTIN or zone a text of a request stands for."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.api.problems import Problem, quoted, unknown
from gateway.live import LiveView, TagState
from gateway.model.epc_key import Key, parse_key


@dataclass(frozen=True, slots=True)
class Answer:
    """What a key stands for: one of these, or none and why."""

    tag: TagState | None = None
    gtin: str | None = None
    zone: int | None = None
    problem: str | None = None
    unknown: tuple[bytes, ...] = ()  # EPCs that it may mean, none of which is known


def find_tag(live: LiveView, key: Key) -> TagState | None:
    """The first tag among those that the key may mean."""
    for epc in key.epcs:
        tag = live.tag(epc)
        if tag is not None:
            return tag
    return None


def parse_epc(text: str) -> Key:
    """A key that may mean one tag; `Problem` when it cannot."""
    try:
        key = parse_key(text)
    except ValueError as error:
        raise Problem(400, str(error)) from error
    if not key.epcs:
        raise Problem(400, _shared(text, key))
    return key


def no_tag(text: str, key: Key) -> Problem:
    """404 for a key that may mean one tag, when none is known."""
    return Problem(404, never_read(text) if key.gtin is None else _shared(text, key))


def never_read(text: str) -> str:
    """The sentence for a key that fits no tag."""
    return f"No tag {quoted(text)} has been read here."


def _shared(text: str, key: Key) -> str:
    """The sentence for a key that many tags share, or that fits on no tag."""
    if key.gtin is None:
        return f"{quoted(text)} fits on no tag; ask for the tag by its hex."
    return f"{quoted(text)} is a GTIN, which many tags share: ask /api/v1/tags?gtin={key.gtin}."


def look_up(live: LiveView, text: str) -> Answer:
    """A tag if one fits, else a zone, else a GTIN."""
    zones = live.site.zone_numbers
    try:
        key = parse_key(text)
    except ValueError as error:
        key, sentence = Key(), str(error)
    else:
        sentence = never_read(text)
    tag = find_tag(live, key)
    if tag is not None:
        return Answer(tag=tag)
    if text in zones:
        return Answer(zone=zones[text])
    if key.gtin is not None:
        return Answer(gtin=key.gtin)
    if not key.epcs:
        sentence = f"{sentence} Nor is it a zone: {unknown('zone', text, zones).detail}"
    return Answer(problem=sentence, unknown=tuple(key.epcs))
