"""EPC: the bytes on a tag ⇄ the identity they stand for, for the schemes of GS1 TDS 1.13 and TDS 2.

    3034257BF7194E4000001A85  ⇄  urn:epc:tag:sgtin-96:1.0614141.812345.6789
                               →  urn:epc:id:sgtin:0614141.812345.6789   (without the filter value)
                               →  https://id.gs1.org/01/80614141123458/21/6789

The "+" schemes of TDS 2 have no `urn:epc:id` URI; theirs is the Digital Link. Sites hold many
tags that follow no scheme: decoding never raises, it answers None, and `raw_uri` names them still.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from gateway.model import epc_elements, epc_plus, epc_schemes
from gateway.model.epc_bits import BitReader, Misfit, shown
from gateway.model.epc_elements import Elements, check_digit

__all__ = [
    "SCHEMES",
    "Elements",
    "Identity",
    "check_digit",
    "decode",
    "encode",
    "encodings",
    "escaped",
    "fields_of",
    "raw_uri",
    "uri",
]

#: Names of the schemes that `encode` knows, as they stand in a URI.
SCHEMES = frozenset(epc_schemes.BY_SCHEME)

#: How many tags' URIs are remembered: the tags of a dock, not those of a whole site.
_REMEMBERED = 16_384
_MOST_BYTES = 62
#: What a URI must not hold as it is, of the characters that a field may have.
_ESCAPES = str.maketrans({c: f"%{ord(c):02X}" for c in '"#%&/<>?'})
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Identity:
    """What a tag says: its scheme (`sgtin`), the fields of its URI, its filter value if any.

    `coding` is how the bits are laid out (`sgtin-96`, `sgtin+`). A "+" coding has no fields, but
    the GS1 key as `key`.
    """

    scheme: str
    fields: tuple[str, ...]
    filter_value: int | None = None
    coding: str = ""
    key: Elements = ()

    @property
    def uri(self) -> str:
        """The pure identity: the same for every filter value and layout; of "+" a Digital Link."""
        if self.key:
            return epc_elements.digital_link(self.key)
        return f"urn:epc:id:{self.scheme}:{'.'.join(map(escaped, self.fields))}"

    @property
    def tag_uri(self) -> str | None:
        """The tag URI: exactly these bits; None for a "+" coding."""
        if self.key:
            return None
        head = "" if self.filter_value is None else f"{self.filter_value}."
        return f"urn:epc:tag:{self.coding}:{head}{'.'.join(map(escaped, self.fields))}"

    @property
    def elements(self) -> Elements:
        """As GS1 application identifiers with values; empty for identities that are no GS1 key."""
        return self.key or epc_elements.elements_of(self.scheme, self.fields)

    @property
    def gtin(self) -> str | None:
        """The GTIN with 14 digits of an SGTIN."""
        return self.elements[0][1] if self.scheme in ("sgtin", "dsgtin") else None

    @property
    def sscc(self) -> str | None:
        """The 18 digits of an SSCC."""
        return self.elements[0][1] if self.scheme == "sscc" else None

    def digital_link(self, resolver: str = epc_elements.CANONICAL) -> str | None:
        """The GS1 Digital Link at a resolver; None for identities that are no GS1 key."""
        return epc_elements.digital_link(self.elements, resolver) if self.elements else None


def decode(epc: bytes) -> Identity | None:
    """The identity of a tag's bytes; None when they follow no scheme. Never raises."""
    if not 0 < len(epc) <= _MOST_BYTES:
        return None
    bits = BitReader(epc)
    header = bits.take(8)
    try:
        if coding := epc_schemes.BY_HEADER.get(header):
            filter_value, fields = coding.read(bits)
            _check_end(bits, len(epc))
            return Identity(coding.scheme, fields, filter_value, coding.name)
        if plus := epc_plus.BY_HEADER.get(header):
            filter_value, key = plus.read(bits)
            return Identity(plus.scheme, (), filter_value, plus.name, key)
    except Misfit:
        pass
    return None


@lru_cache(maxsize=_REMEMBERED)
def uri(epc: bytes) -> str | None:
    """The pure identity URI, `urn:epc:id:…`, or of a "+" scheme the Digital Link; None without."""
    identity = decode(epc)
    return None if identity is None else identity.uri


def raw_uri(epc: bytes) -> str:
    """`urn:epc:raw:96.x3034…`: any tag by its bits, whatever they mean."""
    return f"urn:epc:raw:{len(epc) * 8}.x{epc.hex().upper()}"


def encode(scheme: str, fields: tuple[str, ...], filter_value: int = 0) -> bytes:
    """The bits of an identity, up to whole words; ValueError with a sentence when it does not fit.

    `scheme` is one of `SCHEMES`, of which the shortest coding is taken, or a coding (`sgtin-198`).
    """
    *shorter, longest = _codings(scheme)
    for coding in shorter:
        try:
            return coding.write(fields, filter_value)
        except ValueError:
            continue
    return longest.write(fields, filter_value)


def encodings(scheme: str, fields: tuple[str, ...]) -> tuple[bytes, ...]:
    """Every tag that may carry an identity: each coding, each filter value.

    ValueError, as for `encode`, when there is none.
    """
    encode(scheme, fields)
    found: list[bytes] = []
    for coding in _codings(scheme):
        try:
            found += [coding.write(fields, value) for value in range(1 << coding.filter_bits)]
        except ValueError:
            continue
    return tuple(found)


def escaped(text: str) -> str:
    """A field as a URI writes it."""
    return text.translate(_ESCAPES)


def fields_of(scheme: str, text: str) -> tuple[str, ...]:
    """The fields of a URI's last part, without escapes; ValueError with a sentence if they are not.

    `scheme` as for `encode`. Only the last field may hold a dot.
    """
    if _NO_ESCAPE.search(text):
        raise ValueError(f"{shown(text)}: behind % stand two hex digits, such as %2F.")
    return tuple(map(unquote, text.split(".", _codings(scheme)[0].count - 1)))


def _codings(scheme: str) -> tuple[epc_schemes.Coding, ...]:
    if scheme in epc_schemes.BY_NAME:
        return (epc_schemes.BY_NAME[scheme],)
    if scheme in epc_schemes.BY_SCHEME:
        return epc_schemes.BY_SCHEME[scheme]
    known = ", ".join(sorted(SCHEMES))
    raise ValueError(f"{shown(scheme)} is no EPC scheme that is known here ({known}).")


def _check_end(bits: BitReader, length: int) -> None:
    """What is left is padding: zeros to the end of the byte, or of the word of 16 bits."""
    padding = bits.left
    if padding >= (8 if length % 2 else 16) or bits.take(padding):
        raise Misfit
