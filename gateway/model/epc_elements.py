"""GS1 keys: identities as application identifiers with values, and the texts made of those.

(01)80614141123458(21)6789                       element string
https://id.gs1.org/01/80614141123458/21/6789     GS1 Digital Link
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, unquote

from gateway.model.epc_bits import shown

#: Application identifiers and their values, the key itself first.
Elements = tuple[tuple[str, str], ...]

#: GS1's own resolver, which stands for no company.
CANONICAL = "https://id.gs1.org"


def check_digit(digits: str) -> str:
    """The GS1 check digit that follows `digits`."""
    total = sum(int(d) * (1 if n % 2 else 3) for n, d in enumerate(reversed(digits)))
    return str(-total % 10)


def elements_of(scheme: str, fields: tuple[str, ...]) -> Elements:
    """The GS1 key of an identity; empty for those that are none (GID, DoD, ADI)."""
    make = _MAKERS.get(scheme)
    return make(*fields) if make else ()


def element_string(elements: Elements) -> str:
    """`(01)80614141123458(21)6789`."""
    return "".join(f"({ai}){value}" for ai, value in elements)


def digital_link(elements: Elements, resolver: str = CANONICAL) -> str:
    """The GS1 Digital Link at a resolver; every character that is not unreserved is escaped."""
    path = "".join(f"/{ai}/{quote(value, safe='')}" for ai, value in elements if ai not in DATES)
    dates = "&".join(f"{ai}={quote(value, safe='')}" for ai, value in elements if ai in DATES)
    return f"{resolver}{path}{'?' if dates else ''}{dates}"


def parse_element_string(text: str) -> Elements:
    """The elements of `(01)…(21)…`; ValueError with a sentence when it is none.

    A value may hold parentheses of its own: an application identifier is known by its digits.
    """
    found = _split(text)
    if element_string(found) != text or not found:
        raise ValueError(f"{shown(text)} is no GS1 element string such as (01)…(21)….")
    return found


def parse_digital_link(text: str) -> Elements:
    """The elements in the path (and dates in the query) of a Digital Link at any host."""
    path, _, query = text.partition("#")[0].partition("?")
    segments = [unquote(s) for s in path.split("/")]
    for start, (ai, value) in enumerate(pairwise(segments)):
        if ai in KEYS and value[:4].isdigit():
            pairs = segments[start:]
            dates = (part.partition("=") for part in query.split("&"))
            return (
                *zip(pairs[::2], pairs[1::2], strict=False),
                *((ai, unquote(value)) for ai, _, value in dates if ai in DATES),
            )
    raise ValueError(f"{shown(text)} is no GS1 Digital Link such as https://id.gs1.org/01/…/21/….")


def check_key(text: str, elements: Elements) -> Elements:
    """The elements, a GTIN with 14 digits; ValueError with a sentence about `text` if wrong."""
    (ai, value), *others = elements
    if ai not in KEYS:
        known = ", ".join(f"({name})" for name in KEYS)
        raise ValueError(f"{shown(text)}: a key begins with one of {known}.")
    if ai == "01" and len(value) in (8, 12, 13):
        value = value.zfill(14)
    length = KEYS[ai]
    digits = value[:length]
    if len(digits) != length or not (digits + "0").isascii() or not (digits + "0").isdigit():
        raise ValueError(f"{shown(text)}: ({ai}) begins with {length} digits.")
    checked = digits[:14] if ai == "8006" else digits
    if checked and (right := check_digit(checked[:-1])) != checked[-1]:
        raise ValueError(f"{shown(text)}: the check digit of {checked} should be {right}.")
    return ((ai, value), *others)


def _split(text: str) -> Elements:
    """A text at its application identifiers; parentheses that hold none belong to a value."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"(?=\(\d{2,4}\))", text):
        if not part:
            continue
        ai, _, value = part[1:].partition(")")
        if not found or ai in _QUALIFIERS - {ai for ai, _ in found}:
            found.append((ai, value))
        else:
            found[-1] = (found[-1][0], found[-1][1] + part)
    return tuple(found)


def _gtin(prefix: str, item: str) -> str:
    body = f"{item[0]}{prefix}{item[1:]}"
    return body + check_digit(body)


def _thirteen(prefix: str, reference: str) -> str:
    body = prefix + reference
    return body + check_digit(body)


def _sgtin(prefix: str, item: str, serial: str) -> Elements:
    return (("01", _gtin(prefix, item)), ("21", serial))


def _sscc(prefix: str, unit: str) -> Elements:
    return (("00", _gtin(prefix, unit)),)


def _sgln(prefix: str, place: str, extension: str) -> Elements:
    gln = ("414", _thirteen(prefix, place))
    return (gln,) if extension == "0" else (gln, ("254", extension))


def _cpi(prefix: str, part: str, serial: str) -> Elements:
    return (("8010", prefix + part), ("8011", serial))


def _itip(prefix: str, item: str, piece: str, total: str, serial: str) -> Elements:
    return (("8006", _gtin(prefix, item) + piece + total), ("21", serial))


_MAKERS: dict[str, Callable[..., Elements]] = {
    "sgtin": _sgtin,
    "sscc": _sscc,
    "sgln": _sgln,
    "grai": lambda prefix, kind, serial: (("8003", f"0{_thirteen(prefix, kind)}{serial}"),),
    "giai": lambda prefix, asset: (("8004", prefix + asset),),
    "gsrn": lambda prefix, service: (("8018", _thirteen(prefix, service)),),
    "gsrnp": lambda prefix, service: (("8017", _thirteen(prefix, service)),),
    "gdti": lambda prefix, kind, serial: (("253", _thirteen(prefix, kind) + serial),),
    "sgcn": lambda prefix, coupon, serial: (("255", _thirteen(prefix, coupon) + serial),),
    "cpi": _cpi,
    "itip": _itip,
}

#: The keys, with the digits that each begins with; the last of them is a check digit, but for
#: (8006), where it is the 14th, and for those that have none.
KEYS = {
    "00": 18,
    "01": 14,
    "253": 13,
    "255": 13,
    "414": 13,
    "8003": 14,
    "8004": 0,
    "8006": 18,
    "8010": 0,
    "8017": 18,
    "8018": 18,
}
#: Dates that a DSGTIN+ carries; in a Digital Link they stand in the query.
DATES = ("11", "13", "15", "16", "17", "7006", "7007")
_QUALIFIERS = frozenset({"10", "21", "22", "235", "254", "8011", *DATES})
