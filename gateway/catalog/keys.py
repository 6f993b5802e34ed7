"""Keys of items: what a WMS writes, and what a tag answers to, in one canonical spelling.

3034257BF7194E4000001A85        epc      epc:3034257BF7194E4000001A85      one tag's bits
urn:epc:id:sgtin:0614141.…6789  epc      (01)80614141123458(21)6789        one object
106141412345678908              sscc     (00)106141412345678908            one logistic unit
urn:epc:idpat:grai:0614141.1.*  class    grai:0614141.1                    a class of objects
80614141123458 · …idpat:sgtin…  gtin     gtin:80614141123458               a trade item
"""

from __future__ import annotations

from functools import lru_cache

from gateway.model import epc
from gateway.model.catalog import KeyKind
from gateway.model.epc_elements import Elements, check_key, element_string, parse_digital_link
from gateway.model.epc_elements import parse_element_string as parse_elements
from gateway.model.epc_key import MAX_KEY_CHARACTERS, parse_tag_uri
from gateway.model.tags import MAX_EPC_BYTES

_GTIN_LENGTHS = (8, 12, 13, 14)
_EXPECTED = (
    "an EPC (hex, urn:epc:id:… or urn:epc:tag:…), an EPC class (urn:epc:idpat:….*), a GTIN, an "
    "SSCC or a GS1 Digital Link"
)


def canonical_key(text: str) -> tuple[KeyKind, str]:
    """What a text names, and its canonical spelling; ValueError with a sentence if nothing."""
    text = text.strip()
    if not text or len(text) > MAX_KEY_CHARACTERS:
        raise ValueError(f"a key has 1 to {MAX_KEY_CHARACTERS} characters")
    if text[:4].lower() == "urn:":
        return _of_urn(text)
    if text.startswith("("):
        return _of_elements(check_key(text, parse_elements(text)))
    if "/" in text:
        return _of_elements(check_key(text, parse_digital_link(text)))
    return _of_plain(text)


@lru_cache(maxsize=16_384)
def keys_of(tag: bytes) -> tuple[str, ...]:
    """The canonical keys that a tag answers to, the most exact first."""
    keys = [f"epc:{tag.hex().upper()}"]
    identity = epc.decode(tag)
    if identity is None:
        return tuple(keys)
    if identity.elements:
        keys.append(element_string(identity.elements))
    if identity.fields:
        if not identity.elements:
            keys.append(identity.uri)
        keys.append(_class(identity.scheme, identity.fields[:-1]))
    if identity.gtin is not None:
        keys.append(f"gtin:{identity.gtin}")
    return tuple(keys)


def _of_urn(text: str) -> tuple[KeyKind, str]:
    parts = text.split(":", 4)
    form = parts[2].lower() if len(parts) == 5 else ""
    if form == "tag":
        return KeyKind.EPC, f"epc:{parse_tag_uri(text).hex().upper()}"
    if form == "id":
        scheme = parts[3].lower()
        return _of_identity(_identity(scheme, epc.fields_of(scheme, parts[4])))
    if form == "idpat" and parts[4].endswith(".*") and "*" not in parts[4][:-2]:
        return _of_class(parts[3].lower(), tuple(parts[4][:-2].split(".")))
    raise ValueError(f"'{text}' is not {_EXPECTED}")


def _of_class(scheme: str, fields: tuple[str, ...]) -> tuple[KeyKind, str]:
    if scheme == "sgtin":
        gtin = _identity(scheme, (*fields, "0")).gtin
        return KeyKind.GTIN, f"gtin:{gtin}"
    return KeyKind.CLASS, _class(scheme, fields)


def _of_plain(text: str) -> tuple[KeyKind, str]:
    digits = "".join(text.split())
    if digits.isascii() and digits.isdigit() and len(digits) in (*_GTIN_LENGTHS, 18):
        expected = epc.check_digit(digits[:-1])
        if expected != digits[-1] and len(digits) > 8:
            raise ValueError(f"'{text}': the check digit of this GTIN or SSCC must be {expected}")
        if expected == digits[-1] and len(digits) == 18:
            return KeyKind.SSCC, f"(00){digits}"
        if expected == digits[-1]:
            return KeyKind.GTIN, f"gtin:{digits.zfill(14)}"
    try:
        tag = bytes.fromhex(digits)
    except ValueError:
        tag = b""
    if not 0 < len(tag) <= MAX_EPC_BYTES:
        raise ValueError(f"'{text}' is not {_EXPECTED}")
    return KeyKind.EPC, f"epc:{tag.hex().upper()}"


def _of_elements(elements: Elements) -> tuple[KeyKind, str]:
    if elements[0][0] == "01" and "21" not in dict(elements):
        return KeyKind.GTIN, f"gtin:{elements[0][1]}"
    kind = KeyKind.SSCC if elements[0][0] == "00" else KeyKind.EPC
    return kind, element_string(elements)


def _of_identity(identity: epc.Identity) -> tuple[KeyKind, str]:
    if identity.elements:
        return _of_elements(identity.elements)
    return KeyKind.EPC, identity.uri


def _identity(scheme: str, fields: tuple[str, ...]) -> epc.Identity:
    """The identity of a URI's fields, put together and taken apart again: so they are checked."""
    for tag in epc.encodings(scheme, fields):
        identity = epc.decode(tag)
        if identity is not None:
            return identity
    raise ValueError(f"'{scheme}:{'.'.join(fields)}' is no EPC")


def _class(scheme: str, fields: tuple[str, ...]) -> str:
    return f"{scheme}:{'.'.join(fields)}"
