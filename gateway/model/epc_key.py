"""Keys: what a person or a WMS writes when it means a tag, a pallet or a trade item.

    3034257BF7194E4000001A85 · urn:epc:id:sgtin:… · urn:epc:tag:… · urn:epc:raw:96.x3034…
    https://id.gs1.org/01/80614141123458/21/6789 · (01)80614141123458(21)6789
    106141412345678908 (SSCC) · 80614141123458 (GTIN: all its tags)

A GS1 key says neither the filter value on the tag nor how long the company prefix is, so a key
stands for every EPC that may carry it: some dozens, cheaper to try than an index is to keep.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote

from gateway.model import epc
from gateway.model.tags import MAX_EPC_BYTES

#: Longer texts are refused before they are looked at.
MAX_KEY_CHARACTERS = 512

_ELEMENTS = re.compile(r"\((\d{2,4})\)([^()]+)")
_GTIN_LENGTHS = (8, 12, 13, 14)
_PREFIX_LENGTHS = range(6, 13)
_Candidate = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """What a text may stand for: any of `epcs`, or every tag of the GTIN (14 digits)."""

    epcs: tuple[bytes, ...] = ()
    gtin: str | None = None


def parse_key(text: str) -> Key:
    """What to look up for a text; ValueError with a sentence when it is no key at all."""
    text = text.strip()
    if not text or len(text) > MAX_KEY_CHARACTERS:
        raise ValueError(f"A key has 1 to {MAX_KEY_CHARACTERS} characters.")
    if text[:4].lower() == "urn:":
        return _parse_urn(text)
    if text.startswith("("):
        elements = _ELEMENTS.findall(text)
        if "".join(f"({ai}){value}" for ai, value in elements) != text:
            raise ValueError(f"'{text}' is no GS1 element string such as (01)…(21)….")
        return _from_elements(text, elements)
    if "/" in text:
        return _parse_digital_link(text)
    return _parse_plain(text)


def _parse_urn(text: str) -> Key:
    parts = text.split(":", 4)
    if len(parts) < 5 or parts[1].lower() != "epc":
        if len(parts) == 4 and parts[2].lower() == "raw":
            return _parse_raw(text, parts[3])
        raise ValueError(f"'{text}' is no EPC URI such as urn:epc:id:sgtin:0614141.812345.6789.")
    form, scheme, fields = parts[2].lower(), parts[3].lower(), tuple(parts[4].split("."))
    if form == "id":
        return Key(epc.encodings(scheme, fields))
    if form == "tag":
        return _parse_tag_uri(text, scheme, fields)
    if form == "idpat" and scheme == "sgtin" and len(fields) == 3 and fields[2] == "*":
        found = epc.decode(epc.encode(scheme, (*fields[:2], "0")))
        return Key(gtin=found.gtin if found else None)
    raise ValueError(f"'{text}': of EPC URIs, urn:epc:id, :tag and :raw can be looked up.")


def _parse_tag_uri(text: str, scheme: str, fields: tuple[str, ...]) -> Key:
    name, _, length = scheme.rpartition("-")
    if length != "96":
        raise ValueError(f"'{text}': of tag URIs, those of 96-bit schemes can be looked up.")
    if name == "gid":
        return Key((epc.encode(name, fields),))
    largest = 15 if name == "usdod" else 7
    if fields[0] not in map(str, range(largest + 1)):
        raise ValueError(f"'{text}': the filter value is a number from 0 to {largest}.")
    return Key((epc.encode(name, fields[1:], int(fields[0])),))


def _parse_raw(text: str, value: str) -> Key:
    length, _, digits = value.partition(".")
    if digits[:1].lower() == "x" and length == str(len(digits[1:]) * 4):
        with suppress(ValueError):
            return Key((bytes.fromhex(digits[1:]),))
    raise ValueError(f"'{text}': a raw EPC URI is urn:epc:raw:96.x and 24 hex digits, or the like.")


def _parse_digital_link(text: str) -> Key:
    path = text.partition("?")[0].partition("#")[0]
    segments = [unquote(s) for s in path.split("/")]
    for start, (ai, value) in enumerate(pairwise(segments)):
        if ai in _PRIMARY and value[:6].isdigit():
            pairs = segments[start:]
            return _from_elements(text, list(zip(pairs[::2], pairs[1::2], strict=False)))
    raise ValueError(f"'{text}' is no GS1 Digital Link such as https://id.gs1.org/01/…/21/….")


def _parse_plain(text: str) -> Key:
    """Hex; digits may be a GTIN or an SSCC as well, when their check digit is right."""
    digits = "".join(text.split())
    epcs: tuple[bytes, ...] = ()
    gtin = None
    if digits.isascii() and digits.isdigit() and epc.check_digit(digits[:-1]) == digits[-1]:
        if len(digits) in _GTIN_LENGTHS:
            gtin = digits.zfill(14)
        elif len(digits) == 18:
            epcs = _candidates("sscc", _sscc(digits))
    with suppress(ValueError):
        epcs = (bytes.fromhex(digits), *epcs)
    if not (gtin or epcs) or len(digits) > 2 * MAX_EPC_BYTES:
        raise ValueError(
            f"'{text}' is neither an EPC (hex with an even number of digits, urn:epc:…, a GS1 "
            "Digital Link), nor a GTIN or SSCC with a right check digit."
        )
    return Key(epcs, gtin)


def _from_elements(text: str, elements: list[tuple[str, str]]) -> Key:
    ai, value = elements[0]
    others = dict(elements[1:])
    if ai not in _PRIMARY:
        known = ", ".join(f"({name})" for name in sorted(_PRIMARY))
        raise ValueError(f"'{text}': a key begins with one of {known}.")
    scheme, checked_length, fields = _PRIMARY[ai]
    if ai == "01":
        value = value.zfill(14)
    if checked_length:
        digits = value[:checked_length]
        if len(digits) != checked_length or not (digits.isascii() and digits.isdigit()):
            raise ValueError(f"'{text}': ({ai}) begins with {checked_length} digits.")
        if (right := epc.check_digit(digits[:-1])) != digits[-1]:
            raise ValueError(f"'{text}': the check digit of {digits} should be {right}.")
    if ai == "01" and "21" not in others:
        return Key(gtin=value)
    return Key(_candidates(scheme, fields(value, others)))


def _candidates(scheme: str, fields: list[_Candidate]) -> tuple[bytes, ...]:
    """The tags for each reading of the key; a reading that fits no 96-bit tag gives none."""
    found: list[bytes] = []
    for candidate in fields:
        try:
            found.extend(epc.encodings(scheme, candidate))
        except ValueError:
            continue
    return tuple(found)


def _sgtin(value: str, others: dict[str, str]) -> list[_Candidate]:
    serial = others["21"]
    return [(value[1 : 1 + n], value[0] + value[1 + n : 13], serial) for n in _PREFIX_LENGTHS]


def _sscc(value: str, _: dict[str, str] | None = None) -> list[_Candidate]:
    return [(value[1 : 1 + n], value[0] + value[1 + n : 17]) for n in _PREFIX_LENGTHS]


def _gsrn(value: str, _: dict[str, str]) -> list[_Candidate]:
    return [(value[:n], value[n:17]) for n in _PREFIX_LENGTHS]


def _sgln(value: str, others: dict[str, str]) -> list[_Candidate]:
    return [(value[:n], value[n:12], others.get("254", "0")) for n in _PREFIX_LENGTHS]


def _document(value: str, _: dict[str, str]) -> list[_Candidate]:
    return [(value[:n], value[n:12], value[13:]) for n in _PREFIX_LENGTHS]


def _returnable(value: str, _: dict[str, str]) -> list[_Candidate]:
    return _document(value[1:], {})  # (8003) has a zero before its 13 digits


def _asset(value: str, _: dict[str, str]) -> list[_Candidate]:
    return [(value[:n], value[n:]) for n in _PREFIX_LENGTHS]


def _part(value: str, others: dict[str, str]) -> list[_Candidate]:
    return [(value[:n], value[n:], others.get("8011", "")) for n in _PREFIX_LENGTHS]


#: Application identifier → (scheme, length up to its check digit or 0, the ways to read its value).
_PRIMARY: dict[str, tuple[str, int, Callable[[str, dict[str, str]], list[_Candidate]]]] = {
    "00": ("sscc", 18, _sscc),
    "01": ("sgtin", 14, _sgtin),
    "253": ("gdti", 13, _document),
    "255": ("sgcn", 13, _document),
    "414": ("sgln", 13, _sgln),
    "8003": ("grai", 14, _returnable),
    "8004": ("giai", 0, _asset),
    "8010": ("cpi", 0, _part),
    "8017": ("gsrnp", 18, _gsrn),
    "8018": ("gsrn", 18, _gsrn),
}
