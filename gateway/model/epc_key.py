"""Keys: what a person or a WMS writes when it means a tag, a pallet or a trade item.

    3034257BF7194E4000001A85 · urn:epc:id:sgtin:… · urn:epc:tag:… · urn:epc:raw:96.x3034…
    https://id.gs1.org/01/80614141123458/21/6789 · (01)80614141123458(21)6789
    106141412345678908 (SSCC) · 80614141123458 (GTIN: all its tags)

A GS1 key says neither the filter value on the tag nor how long the company prefix is, so a key
stands for every EPC that may carry it: some dozens, cheaper to try than an index is to keep.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from gateway.model import epc, epc_plus
from gateway.model.epc_elements import (
    Elements,
    check_key,
    parse_digital_link,
    parse_element_string,
)
from gateway.model.tags import MAX_EPC_BYTES

#: Longer texts are refused before they are looked at.
MAX_KEY_CHARACTERS = 512

_GTIN_LENGTHS = (8, 12, 13, 14)
_PREFIX_LENGTHS = range(6, 13)
_Fields = tuple[str, ...]


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
        return _from_elements(check_key(text, parse_element_string(text)))
    if "/" in text:
        return _from_elements(check_key(text, parse_digital_link(text)))
    return _parse_plain(text)


def fields_in(elements: Elements, prefix_digits: int) -> tuple[str, _Fields]:
    """Scheme and fields of a GS1 key whose company prefix has so many digits.

    The elements are as `check_key` leaves them. ValueError with a sentence when they lack a value.
    """
    (ai, value), *rest = elements
    scheme, split = _SPLITS[ai]
    try:
        return scheme, split(value, dict(rest), prefix_digits)
    except KeyError as missing:
        raise ValueError(f"A key of ({ai}) needs a value of ({missing.args[0]}).") from None


def _parse_urn(text: str) -> Key:
    parts = text.split(":", 4)
    if len(parts) < 5 or parts[1].lower() != "epc":
        if len(parts) == 4 and parts[2].lower() == "raw":
            return _parse_raw(text, parts[3])
        raise ValueError(f"'{text}' is no EPC URI such as urn:epc:id:sgtin:0614141.812345.6789.")
    form, scheme = parts[2].lower(), parts[3].lower()
    if form == "id":
        return Key(epc.encodings(scheme, epc.fields_of(scheme, parts[4])))
    if form == "tag":
        return Key((parse_tag_uri(text),))
    if form == "idpat" and scheme == "sgtin" and parts[4].endswith(".*"):
        found = epc.decode(epc.encode(scheme, (*parts[4].split(".")[:-1], "0")))
        return Key(gtin=None if found is None else found.gtin)
    raise ValueError(f"'{text}': of EPC URIs, urn:epc:id, :tag and :raw can be looked up.")


def parse_tag_uri(text: str) -> bytes:
    """The bits of a `urn:epc:tag:…`; ValueError with a sentence when there are none."""
    *_, coding, value = text.split(":", 4)
    coding = coding.lower()
    if "-" not in coding:
        raise ValueError(f"'{text}' names no layout of bits such as sgtin-96.")
    filter_value = 0
    if coding != "gid-96":
        digits, _, value = value.partition(".")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 2):
            raise ValueError(f"'{text}': the filter value is a small number.")
        filter_value = int(digits)
    return epc.encode(coding, epc.fields_of(coding, value), filter_value)


def _parse_raw(text: str, value: str) -> Key:
    length, _, digits = value.partition(".")
    if digits[:1].lower() == "x" and length == str(len(digits[1:]) * 4):
        with suppress(ValueError):
            return Key((bytes.fromhex(digits[1:]),))
    raise ValueError(f"'{text}': a raw EPC URI is urn:epc:raw:96.x and 24 hex digits, or the like.")


def _parse_plain(text: str) -> Key:
    """Hex; digits may be a GTIN or an SSCC as well, when their check digit is right."""
    digits = "".join(text.split())
    epcs: tuple[bytes, ...] = ()
    gtin = None
    if digits.isascii() and digits.isdigit() and epc.check_digit(digits[:-1]) == digits[-1]:
        if len(digits) in _GTIN_LENGTHS:
            gtin = digits.zfill(14)
        elif len(digits) == 18:
            epcs = _candidates((("00", digits),))
    with suppress(ValueError):
        epcs = (bytes.fromhex(digits), *epcs)
    if not (gtin or epcs) or len(digits) > 2 * MAX_EPC_BYTES:
        raise ValueError(
            f"'{text}' is neither an EPC (hex with an even number of digits, urn:epc:…, a GS1 "
            "Digital Link), nor a GTIN or SSCC with a right check digit."
        )
    return Key(epcs, gtin)


def _from_elements(elements: Elements) -> Key:
    if elements[0][0] == "01" and "21" not in dict(elements):
        return Key(gtin=elements[0][1])
    return Key(_candidates(elements))


def _candidates(elements: Elements) -> tuple[bytes, ...]:
    """The tags for each reading of the key; a reading that fits no tag gives none."""
    found: list[bytes] = []
    for prefix_digits in _PREFIX_LENGTHS:
        with suppress(ValueError):
            found += epc.encodings(*fields_in(elements, prefix_digits))
    with suppress(ValueError):
        plus = epc_plus.coding_of(elements)
        found += [plus.write(elements, filter_value) for filter_value in range(8)]
    return tuple(found)


def _sgtin(value: str, others: dict[str, str], n: int) -> _Fields:
    return value[1 : 1 + n], value[0] + value[1 + n : 13], others["21"]


def _sscc(value: str, _: dict[str, str], n: int) -> _Fields:
    return value[1 : 1 + n], value[0] + value[1 + n : 17]


def _service(value: str, _: dict[str, str], n: int) -> _Fields:
    return value[:n], value[n:17]


def _place(value: str, others: dict[str, str], n: int) -> _Fields:
    return value[:n], value[n:12], others.get("254", "0")


def _document(value: str, _: dict[str, str], n: int) -> _Fields:
    return value[:n], value[n:12], value[13:]


def _returnable(value: str, _: dict[str, str], n: int) -> _Fields:
    return _document(value[1:], {}, n)  # (8003) has a zero before its 13 digits


def _asset(value: str, _: dict[str, str], n: int) -> _Fields:
    return value[:n], value[n:]


def _part(value: str, others: dict[str, str], n: int) -> _Fields:
    return value[:n], value[n:], others["8011"]


def _piece(value: str, others: dict[str, str], n: int) -> _Fields:
    item = (value[1 : 1 + n], value[0] + value[1 + n : 13])
    return *item, value[14:16], value[16:18], others["21"]


#: Application identifier → scheme, and how a key's value is split behind so many digits of prefix.
_SPLITS: dict[str, tuple[str, Callable[[str, dict[str, str], int], _Fields]]] = {
    "00": ("sscc", _sscc),
    "01": ("sgtin", _sgtin),
    "253": ("gdti", _document),
    "255": ("sgcn", _document),
    "414": ("sgln", _place),
    "8003": ("grai", _returnable),
    "8004": ("giai", _asset),
    "8006": ("itip", _piece),
    "8010": ("cpi", _part),
    "8017": ("gsrnp", _service),
    "8018": ("gsrn", _service),
}
