"""EPC: the bytes on a tag ⇄ the identity they stand for, for the 96-bit schemes of GS1 TDS 1.13.

    3034257BF7194E4000001A85  ⇄  urn:epc:tag:sgtin-96:1.0614141.812345.6789
                               →  urn:epc:id:sgtin:0614141.812345.6789   (without the filter value)

Sites hold many tags that follow no scheme: decoding never raises, it answers None.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Partition value → (bits, digits) of the GS1 company prefix; 7 is no partition.
_PREFIXES = ((40, 12), (37, 11), (34, 10), (30, 9), (27, 8), (24, 7), (20, 6))
_EPC_BYTES = 12
_AFTER_PARTITION = 82  # bits that follow header (8), filter (3) and partition (3)
_FILTER_SHIFT = 85
_DOD_FILTER_SHIFT = 84

_GTIN_LIKE = ((4, 1), (7, 2), (10, 3), (14, 4), (17, 5), (20, 6), (24, 7))
_SSCC_LIKE = ((18, 5), (21, 6), (24, 7), (28, 8), (31, 9), (34, 10), (38, 11))
_GLN_LIKE = ((1, 0), (4, 1), (7, 2), (11, 3), (14, 4), (17, 5), (21, 6))
_RETURNABLE = ((4, 0), (7, 1), (10, 2), (14, 3), (17, 4), (20, 5), (24, 6))
_ASSET = ((42, 13), (45, 14), (48, 15), (52, 16), (55, 17), (58, 18), (62, 19))
_PART = ((11, 3), (14, 4), (17, 5), (21, 6), (24, 7), (27, 8), (31, 9))


@dataclass(frozen=True, slots=True)
class _Scheme:
    """Company prefix, reference and serial number; whatever is left of 96 bits is zero."""

    name: str
    header: int
    references: tuple[tuple[int, int], ...]  # (bits, digits) of the second field by partition
    serial_bits: int = 0
    filled: bool = True  # the reference has all its digits; else it is a number as it is
    numeric_string: bool = False  # the serial number keeps leading zeros: a 1 stands before it


_GS1_SCHEMES = (
    _Scheme("sgtin", 0x30, _GTIN_LIKE, serial_bits=38),
    _Scheme("sscc", 0x31, _SSCC_LIKE),
    _Scheme("sgln", 0x32, _GLN_LIKE, serial_bits=41),
    _Scheme("grai", 0x33, _RETURNABLE, serial_bits=38),
    _Scheme("giai", 0x34, _ASSET, filled=False),
    _Scheme("gsrn", 0x2D, _SSCC_LIKE),
    _Scheme("gsrnp", 0x2E, _SSCC_LIKE),
    _Scheme("gdti", 0x2C, _GLN_LIKE, serial_bits=41),
    _Scheme("sgcn", 0x3F, _GLN_LIKE, serial_bits=41, numeric_string=True),
    _Scheme("cpi", 0x3C, _PART, serial_bits=31, filled=False),
)
_BY_HEADER = {scheme.header: scheme for scheme in _GS1_SCHEMES}
_BY_NAME = {scheme.name: scheme for scheme in _GS1_SCHEMES}
_GID_HEADER, _DOD_HEADER = 0x35, 0x2F
_GID_BITS = (28, 24, 36)
_CAGE_CHARACTERS = frozenset(b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")

#: Names of the schemes that `encode` knows, as they stand in a URI.
SCHEMES = frozenset({*_BY_NAME, "gid", "usdod"})


@dataclass(frozen=True, slots=True)
class Identity:
    """What a tag says: its scheme (`sgtin`), the fields of its URI, its filter value if any."""

    scheme: str
    fields: tuple[str, ...]
    filter_value: int | None = None

    @property
    def uri(self) -> str:
        """The pure identity URI: the same for every filter value."""
        return f"urn:epc:id:{self.scheme}:{'.'.join(self.fields)}"

    @property
    def tag_uri(self) -> str:
        """The tag URI: exactly these 96 bits."""
        head = "" if self.filter_value is None else f"{self.filter_value}."
        return f"urn:epc:tag:{self.scheme}-96:{head}{'.'.join(self.fields)}"

    @property
    def gtin(self) -> str | None:
        """The GTIN with 14 digits of an SGTIN."""
        if self.scheme != "sgtin":
            return None
        prefix, item, _ = self.fields
        body = f"{item[0]}{prefix}{item[1:]}"
        return body + check_digit(body)

    @property
    def sscc(self) -> str | None:
        """The 18 digits of an SSCC."""
        if self.scheme != "sscc":
            return None
        prefix, serial = self.fields
        body = f"{serial[0]}{prefix}{serial[1:]}"
        return body + check_digit(body)


def decode(epc: bytes) -> Identity | None:
    """The identity of a tag's bytes; None when they follow no 96-bit scheme. Never raises."""
    if len(epc) != _EPC_BYTES:
        return None
    bits = int.from_bytes(epc, "big")
    scheme = _BY_HEADER.get(epc[0])
    if scheme is not None:
        return _decode_gs1(scheme, bits)
    if epc[0] == _GID_HEADER:
        numbers = (bits >> 60 & 0xFFF_FFFF, bits >> 36 & 0xFF_FFFF, bits & 0xF_FFFF_FFFF)
        return Identity("gid", tuple(map(str, numbers)))
    if epc[0] == _DOD_HEADER:
        return _decode_dod(bits)
    return None


def uri(epc: bytes) -> str | None:
    """The pure identity URI, `urn:epc:id:…`; None when the tag follows no known scheme."""
    identity = decode(epc)
    return None if identity is None else identity.uri


def encode(scheme: str, fields: tuple[str, ...], filter_value: int = 0) -> bytes:
    """The 96 bits of an identity; ValueError with a sentence when it does not fit them."""
    if scheme == "gid":
        bits = _encode_gid(fields)
    elif scheme == "usdod":
        bits = _encode_dod(fields) | filter_value << _DOD_FILTER_SHIFT
    elif scheme in _BY_NAME:
        bits = _encode_gs1(_BY_NAME[scheme], fields) | filter_value << _FILTER_SHIFT
    else:
        known = ", ".join(sorted(SCHEMES))
        raise ValueError(f"'{scheme}' is no EPC scheme that is known here ({known}).")
    return bits.to_bytes(_EPC_BYTES, "big")


def encodings(scheme: str, fields: tuple[str, ...]) -> tuple[bytes, ...]:
    """Every tag that may carry an identity: one per filter value; ValueError as for `encode`."""
    plain = encode(scheme, fields)
    if scheme == "gid":
        return (plain,)
    shift, values = (_DOD_FILTER_SHIFT, 16) if scheme == "usdod" else (_FILTER_SHIFT, 8)
    bits = int.from_bytes(plain, "big")
    return tuple((bits | value << shift).to_bytes(_EPC_BYTES, "big") for value in range(values))


def check_digit(digits: str) -> str:
    """The GS1 check digit that follows `digits`."""
    total = sum(int(d) * (1 if n % 2 else 3) for n, d in enumerate(reversed(digits)))
    return str(-total % 10)


def _decode_gs1(scheme: _Scheme, bits: int) -> Identity | None:
    partition = bits >> _AFTER_PARTITION & 7
    if partition == len(_PREFIXES):
        return None
    prefix_bits, prefix_digits = _PREFIXES[partition]
    reference_bits, reference_digits = scheme.references[partition]
    shift = _AFTER_PARTITION - prefix_bits
    prefix = bits >> shift & (1 << prefix_bits) - 1
    shift -= reference_bits
    reference = bits >> shift & (1 << reference_bits) - 1
    shift -= scheme.serial_bits
    serial = str(bits >> shift & (1 << scheme.serial_bits) - 1)
    zeros = bits & (1 << shift) - 1
    if prefix >= 10**prefix_digits or reference >= 10**reference_digits or zeros:
        return None
    fields = [f"{prefix:0{prefix_digits}d}"]
    if not scheme.filled:
        fields.append(str(reference))
    else:
        fields.append(f"{reference:0{reference_digits}d}" if reference_digits else "")
    if scheme.numeric_string:
        if serial[0] != "1" or len(serial) == 1:
            return None
        serial = serial[1:]
    if scheme.serial_bits:
        fields.append(serial)
    return Identity(scheme.name, tuple(fields), bits >> _FILTER_SHIFT & 7)


def _encode_gs1(scheme: _Scheme, fields: tuple[str, ...]) -> int:
    expected = 3 if scheme.serial_bits else 2
    if len(fields) != expected:
        raise ValueError(f"{scheme.name} has {expected} fields, not {len(fields)}.")
    prefix, reference = fields[0], fields[1]
    partition = 12 - len(prefix)
    if not 0 <= partition < len(_PREFIXES):
        raise ValueError(f"A GS1 company prefix has 6 to 12 digits, '{prefix}' has {len(prefix)}.")
    prefix_bits, _ = _PREFIXES[partition]
    reference_bits, reference_digits = scheme.references[partition]
    if scheme.filled and len(reference) != reference_digits:
        raise ValueError(
            f"After a company prefix of {len(prefix)} digits, the second field of {scheme.name} "
            f"has {reference_digits} digits; '{reference}' has {len(reference)}."
        )
    bits = scheme.header << 88 | partition << _AFTER_PARTITION
    shift = _AFTER_PARTITION - prefix_bits
    bits |= _number(prefix, prefix_bits) << shift
    shift -= reference_bits
    if reference or not scheme.filled:
        number = _number(reference, reference_bits, filled=scheme.filled)
        if number >= 10**reference_digits:
            raise ValueError(f"'{reference}' has more than {reference_digits} digits.")
        bits |= number << shift
    if scheme.serial_bits:
        serial = "1" + fields[2] if scheme.numeric_string and fields[2] else fields[2]
        bits |= _number(serial, scheme.serial_bits, filled=False) << shift - scheme.serial_bits
    return bits


def _number(text: str, bits: int, *, filled: bool = True) -> int:
    """A field as a number; one that is not `filled` may have no leading zero."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"'{text}' is not a number.")
    if not filled and text[0] == "0" and len(text) > 1:
        raise ValueError(f"'{text}' has a leading zero, which a 96-bit tag cannot carry.")
    if len(text) > 19 or (number := int(text)) >> bits:
        raise ValueError(f"'{text}' is too large for the {bits} bits of its field.")
    return number


def _encode_gid(fields: tuple[str, ...]) -> int:
    if len(fields) != 3:
        raise ValueError(f"gid has 3 fields, not {len(fields)}.")
    bits = _GID_HEADER
    for text, width in zip(fields, _GID_BITS, strict=True):
        bits = bits << width | _number(text, width, filled=False)
    return bits


def _decode_dod(bits: int) -> Identity | None:
    code = (bits >> 36 & (1 << 48) - 1).to_bytes(6, "big").removeprefix(b" ")
    if not _CAGE_CHARACTERS.issuperset(code):
        return None
    return Identity("usdod", (code.decode(), str(bits & 0xF_FFFF_FFFF)), bits >> 84 & 15)


def _encode_dod(fields: tuple[str, ...]) -> int:
    if len(fields) != 2 or not fields[0].isascii():
        raise ValueError("usdod has 2 fields: a CAGE or DoDAAC code, and a serial number.")
    code = fields[0].encode()
    if len(code) not in (5, 6) or not _CAGE_CHARACTERS.issuperset(code):
        raise ValueError(f"'{fields[0]}' is no CAGE or DoDAAC code.")
    serial = _number(fields[1], 36, filled=False)
    return _DOD_HEADER << 88 | int.from_bytes(code.rjust(6), "big") << 36 | serial
