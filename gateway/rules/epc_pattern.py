"""EPC patterns: `urn:epc:pat:…`, `urn:epc:idpat:…` (TDS 1.13, 8 and 13) or the first hex digits.

urn:epc:pat:sgtin-96:3.0652642.[102400-204700].*     bits: coding, filter value, each field
urn:epc:idpat:sgtin:0652642.*.*                      identities, whatever tag carries them
3034257BF4                                           tags whose EPC begins so
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from gateway.model.epc import decode, fields_of
from gateway.model.epc_schemes import BY_NAME, BY_SCHEME

_HEX = re.compile(r"[0-9A-Fa-f]{1,124}")
_RANGE = re.compile(r"\[(\d{1,18})-(\d{1,18})\]")
_DECODED = 4_096


@dataclass(frozen=True, slots=True)
class EpcPattern:
    """Which tags are meant. `text` is as it was written."""

    text: str
    prefix: str = ""  # upper-case hex
    scheme: str = ""
    coding: str = ""  # given in a `pat`, which looks at the filter value as well
    parts: tuple[str | tuple[int, int] | None, ...] = ()  # None: anything

    def matches(self, epc: str) -> bool:
        """Whether an EPC, in upper-case hex, is one of them."""
        if not self.scheme:
            return epc.startswith(self.prefix)
        scheme, coding, fields = _decoded(epc)
        if scheme != self.scheme or (self.coding and coding != self.coding):
            return False
        values = fields if self.coding else fields[1:]
        return len(values) == len(self.parts) and all(map(_fits, self.parts, values))


def parse_pattern(text: str) -> EpcPattern:
    """The pattern; ValueError with a sentence when it is none."""
    if _HEX.fullmatch(text):
        return EpcPattern(text=text, prefix=text.upper())
    match text.split(":", 4):
        case ["urn", "epc", "pat", coding, fields] if coding in BY_NAME:
            known = BY_NAME[coding]
            parts = _split(fields, known.count + (1 if known.filter_bits else 0))
            if not known.filter_bits:
                parts = [None, *parts]
            return EpcPattern(text=text, scheme=known.scheme, coding=coding, parts=tuple(parts))
        case ["urn", "epc", "idpat", scheme, fields] if scheme in BY_SCHEME:
            parts = _split(fields, BY_SCHEME[scheme][0].count)
            if any(isinstance(part, tuple) for part in parts):
                raise ValueError("an idpat has no ranges: only values, then * to the end")
            if any(a is None and b is not None for a, b in pairwise(parts)):
                raise ValueError("behind a * an idpat has only *")
            return EpcPattern(text=text, scheme=scheme, parts=tuple(parts))
        case ["urn", "epc", "pat" | "idpat" as kind, name, _]:
            known_names = sorted(BY_NAME if kind == "pat" else BY_SCHEME)
            raise ValueError(f"'{name[:40]}' is none of {', '.join(known_names)}")
    raise ValueError(
        "expected urn:epc:pat:…, urn:epc:idpat:… or the first hex digits of EPCs, "
        "such as urn:epc:idpat:sgtin:0614141.*.*"
    )


def _split(text: str, count: int) -> list[str | tuple[int, int] | None]:
    raw = text.split(".", count - 1)
    if len(raw) != count:
        raise ValueError(f"expected {count} fields with dots between them, got {len(raw)}")
    return [_part(field) for field in raw]


def _part(field: str) -> str | tuple[int, int] | None:
    if field == "*":
        return None
    if found := _RANGE.fullmatch(field):
        low, high = int(found[1]), int(found[2])
        if low > high:
            raise ValueError(f"the range {field} is upside down")
        return low, high
    if not field or any(c in field for c in "[]*"):
        raise ValueError(f"expected a value, * or [low-high], got '{field[:40]}'")
    return fields_of("gid", f"0.0.{field}")[2]


def _fits(part: str | tuple[int, int] | None, value: str) -> bool:
    if part is None:
        return True
    if isinstance(part, tuple):
        return value.isdigit() and part[0] <= int(value) <= part[1]
    return part == value


@lru_cache(maxsize=_DECODED)
def _decoded(epc: str) -> tuple[str, str, tuple[str, ...]]:
    """(scheme, coding, filter value and fields) of a tag; empty when it follows no scheme."""
    try:
        identity = decode(bytes.fromhex(epc))
    except ValueError:
        identity = None
    if identity is None:
        return "", "", ()
    filter_value = "" if identity.filter_value is None else str(identity.filter_value)
    return identity.scheme, identity.coding, (filter_value, *identity.fields)
