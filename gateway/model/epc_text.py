"""EPCs as people read and write them: every form that a tag's bits have, and back to bits."""

from __future__ import annotations

import re

from gateway.model import epc, epc_plus
from gateway.model.epc_bits import shown
from gateway.model.epc_elements import (
    Elements,
    check_key,
    element_string,
    parse_digital_link,
    parse_element_string,
)
from gateway.model.epc_key import MAX_KEY_CHARACTERS, fields_in, parse_key, parse_tag_uri
from gateway.model.tags import MAX_EPC_BYTES

_SEPARATORS = re.compile(r"[\s:-]+")
_HEX = re.compile(r"[0-9A-Fa-f]*")


def parse_hex(text: str) -> bytes:
    """Bits from hex digits, with or without separators; ValueError with a sentence.

    An odd digit is the first half of a byte: standards print EPCs so.
    """
    digits = _SEPARATORS.sub("", text.strip()).removeprefix("0x").removeprefix("0X")
    if not digits or not _HEX.fullmatch(digits):
        raise ValueError(f"{shown(text)} is not hex; an EPC is such as 3034257BF7194E4000001A85.")
    if len(digits) > 2 * MAX_EPC_BYTES:
        raise ValueError(f"{shown(text)}: an EPC has at most {2 * MAX_EPC_BYTES} hex digits.")
    return bytes.fromhex(digits + "0" * (len(digits) % 2))


def parse_any(text: str) -> bytes:
    """Bits from hex, or from any form of `parse_text`; ValueError with a sentence."""
    head = text.strip()[:4].lower()
    return parse_text(text) if head == "urn:" or "/" in text or "(" in head else parse_hex(text)


def parse_text(
    text: str,
    *,
    filter_value: int = 0,
    prefix_digits: int | None = None,
    coding: str | None = None,
) -> bytes:
    """Bits of a URI, a Digital Link or an element string; ValueError with a sentence.

    A tag URI says everything itself. Elsewhere `filter_value` is taken, and the shortest coding if
    none is named. A GS1 key does not say how long its company prefix is: without `prefix_digits`
    it becomes a "+" scheme.
    """
    text = text.strip()
    if not text or len(text) > MAX_KEY_CHARACTERS:
        raise ValueError(f"A text has 1 to {MAX_KEY_CHARACTERS} characters.")
    lower = text.lower()
    if lower.startswith("urn:epc:tag:"):
        return parse_tag_uri(text)
    if lower.startswith("urn:epc:id:") and text.count(":") >= 4:
        *_, scheme, value = text.split(":", 4)
        fields = epc.fields_of(scheme.lower(), value)
        epc.encode(scheme.lower(), fields)
        return _encode(scheme.lower(), fields, filter_value, coding)
    if lower.startswith("urn:epc:raw:"):
        return parse_key(text).epcs[0]
    if text.startswith("("):
        elements = check_key(text, parse_element_string(text))
    elif "/" in text:
        elements = check_key(text, parse_digital_link(text))
    else:
        raise ValueError(
            f"{shown(text)} is no URI such as urn:epc:id:sgtin:0614141.812345.6789, no GS1 Digital "
            "Link and no element string such as (01)…(21)…."
        )
    if prefix_digits is None or (coding or "").endswith("+"):
        return _encode_key(elements, filter_value, coding)
    scheme, fields = fields_in(elements, prefix_digits)
    return _encode(scheme, fields, filter_value, coding)


def describe(tag: bytes) -> dict[str, str | int | None]:
    """Every form of a tag's bits; None for those that it does not have."""
    identity = epc.decode(tag)
    forms: dict[str, str | int | None] = {
        "hex": tag.hex().upper(),
        "scheme": None,
        "filter": None,
        "epc_uri": None,
        "tag_uri": None,
        "digital_link": None,
        "gs1_element_string": None,
        "raw_uri": epc.raw_uri(tag),
    }
    if identity is not None:
        forms |= {
            "scheme": identity.coding,
            "filter": identity.filter_value,
            "epc_uri": identity.uri,
            "tag_uri": identity.tag_uri,
            "digital_link": identity.digital_link(),
            "gs1_element_string": element_string(identity.elements) or None,
        }
    return forms


def _encode(scheme: str, fields: tuple[str, ...], filter_value: int, coding: str | None) -> bytes:
    if coding is None:
        return epc.encode(scheme, fields, filter_value)
    if coding == f"{scheme}+" and coding in epc_plus.BY_NAME:
        return _encode_key(epc.Identity(scheme, fields).elements, filter_value, coding)
    if not coding.startswith(f"{scheme}-"):
        raise ValueError(f"{shown(coding)} is no coding of {scheme}.")
    return epc.encode(coding, fields, filter_value)


def _encode_key(elements: Elements, filter_value: int, coding: str | None) -> bytes:
    plus = epc_plus.coding_of(elements)
    if coding not in (None, plus.name):
        raise ValueError(
            f"A key of ({elements[0][0]}) becomes {plus.name}; {shown(coding or '')} would need to "
            "know the length of its company prefix."
        )
    return plus.write(elements, filter_value)
