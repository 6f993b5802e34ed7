"""Templates: `{field}` and `{field:format}` in a text, checked at load; nothing else can be said.

A format is one for numbers (`.1f`, `,`) or, for times, one of strftime (`%H:%M`). Values come from
tags, items and devices: whatever they hold comes out as one line of text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.rules.fields import FieldType
from gateway.rules.schedule import local

MAX_FILLED = 500
_PIECES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NUMBER_FORMAT = re.compile(r",?(?:\.\d)?[fd%]?")
_TIME_FORMAT = re.compile(r"(?:%[aAbBdHIjmMpSyY]|[ .,:/T-])+")
_UNITS_S = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


class TemplateError(ValueError):
    """A template that says something wrong, at `offset` of its text."""

    def __init__(self, message: str, offset: int, word: str = "") -> None:
        super().__init__(message)
        self.offset, self.word = offset, word


@dataclass(frozen=True, slots=True)
class Template:
    """A text and the fields in it, in turn; a plain text is a part without a name."""

    text: str
    parts: tuple[tuple[str, str, str], ...]  # (text before, field or "", format)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields in it, each once."""
        return tuple(dict.fromkeys(name for _, name, _ in self.parts if name))

    def fill(self, value_of: Callable[[str], Any], timezone: str, most: int = MAX_FILLED) -> str:
        """The text with the values in it, one line of at most `most` characters."""
        filled = "".join(
            before + (shown(value_of(name), form, timezone, name) if name else "")
            for before, name, form in self.parts
        )
        return filled if len(filled) <= most else filled[: most - 1] + "…"


def parse_template(text: str, fields: Mapping[str, FieldType]) -> Template:
    """The template; `TemplateError` for an unknown field, a wrong format or a stray brace."""
    parts: list[tuple[str, str, str]] = []
    before, done = "", 0
    for piece in _PIECES.finditer(text):
        before += text[done : piece.start()]
        done = piece.end()
        if piece[0] in ("{{", "}}"):
            before += piece[0][0]
            continue
        if piece[1] is None:
            raise TemplateError(f"a single '{piece[0]}': write {piece[0] * 2}", piece.start())
        name, _, form = piece[1].partition(":")
        if name not in fields:
            raise TemplateError(f"there is no field '{name[:60]}'", piece.start(), name)
        _check_format(name, form, fields[name], piece.start())
        parts.append((before, name, form))
        before = ""
    parts.append((before + text[done:], "", ""))
    return Template(text, tuple(parts))


def shown(value: Any, form: str, timezone: str, name: str = "") -> str:
    """A value as people read it; unknown is a dash."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _number(value, form, timezone, name)
    if isinstance(value, list | tuple):
        return ", ".join(clean(str(v)) for v in value[:10]) + (", …" if len(value) > 10 else "")
    return clean(str(value))


def clean(text: str) -> str:
    """One line without control characters, at a length that a summary bears."""
    cut = text if len(text) <= 200 else text[:199] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)


def duration(seconds: float) -> str:
    """`4h12m`: the two largest units that are not nothing."""
    parts: list[str] = []
    rest = max(0, round(seconds))
    for unit, size in _UNITS_S:
        count, rest = divmod(rest, size)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count}{unit}")
    kept = parts[:2]
    if len(kept) == 2 and kept[1].startswith("0"):
        kept.pop()
    return "".join(kept) or "0s"


#: Fields that hold seconds or a time, whatever the rule is on.
_SECONDS = frozenset({"dwell", "held", "duration", "silent", "quiet"})


def _number(value: float, form: str, timezone: str, name: str) -> str:
    if name == "time":
        moment = local(int(value), timezone)
        return moment.strftime(form or "%Y-%m-%d %H:%M:%S")
    if form:
        return format(round(value) if form.endswith("d") else value, form)
    if name in _SECONDS:
        return duration(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check_format(name: str, form: str, kind: FieldType, offset: int) -> None:
    if not form:
        return
    if kind in (FieldType.NUMBER, FieldType.SECONDS):
        fine, wanted = _NUMBER_FORMAT.fullmatch(form), "one such as .1f"
    elif kind is FieldType.TIME:
        fine, wanted = _TIME_FORMAT.fullmatch(form), "one such as %H:%M"
    else:
        fine, wanted = None, "none"
    if not fine:
        raise TemplateError(f"'{form[:30]}' is no format for {name}: expected {wanted}", offset)
