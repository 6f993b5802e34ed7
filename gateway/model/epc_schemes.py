"""Schemes of GS1 TDS 1.13: for each header the fields that follow, as a table.

Header (8 bits), filter (3 bits, mostly), then what a scheme has: with a GS1 company prefix first
the partition (3 bits), which says how the prefix and the field behind it share their bits.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.epc_bits import (
    BitReader,
    BitWriter,
    Code,
    Digits,
    Field,
    Misfit,
    Number,
    NumericString,
    Text6,
    Text7,
    shown,
)

#: By partition: the GS1 company prefix; 7 is no partition.
_PREFIXES = tuple(
    Digits(bits, digits)
    for bits, digits in ((40, 12), (37, 11), (34, 10), (30, 9), (27, 8), (24, 7), (20, 6))
)


@dataclass(frozen=True, slots=True)
class Coding:
    """One way to write a scheme in bits. `zeros` are reserved bits behind the fields."""

    name: str
    header: int
    fields: tuple[Field, ...]  # without company prefix and the field behind it
    second: tuple[Field, ...] = ()  # by partition: the field behind the company prefix
    filter_bits: int = 3
    zeros: int = 0

    @property
    def scheme(self) -> str:
        """The scheme as it stands in a pure identity URI."""
        return self.name.rpartition("-")[0]

    @property
    def count(self) -> int:
        """How many fields its URI has, the filter value not counted."""
        return len(self.fields) + (2 if self.second else 0)

    def read(self, bits: BitReader) -> tuple[int | None, tuple[str, ...]]:
        """Filter value and fields, from behind the header; raises `Misfit`."""
        filter_value = bits.take(self.filter_bits) if self.filter_bits else None
        texts = []
        if self.second:
            partition = bits.take(3)
            if partition == len(_PREFIXES):
                raise Misfit
            texts += [_PREFIXES[partition].read(bits), self.second[partition].read(bits)]
        texts += [field.read(bits) for field in self.fields]
        if bits.take(self.zeros):
            raise Misfit
        return filter_value, tuple(texts)

    def write(self, texts: tuple[str, ...], filter_value: int) -> bytes:
        """All bits of an identity; ValueError with a sentence when it does not fit."""
        if len(texts) != self.count:
            raise ValueError(f"{self.name} has {self.count} fields, not {len(texts)}.")
        if filter_value >> self.filter_bits:
            most = (1 << self.filter_bits) - 1
            raise ValueError(f"The filter value of {self.name} is at most {most}.")
        bits = BitWriter()
        bits.put(self.header, 8)
        bits.put(filter_value, self.filter_bits)
        rest = texts
        if self.second:
            self._write_prefix(texts[0], texts[1], bits)
            rest = texts[2:]
        for field, text in zip(self.fields, rest, strict=True):
            field.write(text, bits)
        bits.put(0, self.zeros)
        return bits.data()

    def _write_prefix(self, prefix: str, second: str, bits: BitWriter) -> None:
        partition = 12 - len(prefix)
        if not 0 <= partition < len(_PREFIXES):
            raise ValueError(
                f"A GS1 company prefix has 6 to 12 digits, {shown(prefix)} has {len(prefix)}."
            )
        bits.put(partition, 3)
        _PREFIXES[partition].write(prefix, bits)
        try:
            self.second[partition].write(second, bits)
        except ValueError as error:
            raise ValueError(
                f"Second field of {self.name}, after a company prefix of {len(prefix)} digits: "
                f"{error}"
            ) from None


def _digits(*sizes: tuple[int, int]) -> tuple[Field, ...]:
    return tuple(Digits(bits, digits) for bits, digits in sizes)


def _numbers(*sizes: tuple[int, int]) -> tuple[Field, ...]:
    return tuple(Number(bits, digits) for bits, digits in sizes)


def _texts(*sizes: tuple[int, int]) -> tuple[Field, ...]:
    return tuple(Text7(bits, characters) for bits, characters in sizes)


_ITEM = _digits((4, 1), (7, 2), (10, 3), (14, 4), (17, 5), (20, 6), (24, 7))
_UNIT = _digits((18, 5), (21, 6), (24, 7), (28, 8), (31, 9), (34, 10), (38, 11))
_PLACE = _digits((1, 0), (4, 1), (7, 2), (11, 3), (14, 4), (17, 5), (21, 6))
_RETURNABLE = _digits((4, 0), (7, 1), (10, 2), (14, 3), (17, 4), (20, 5), (24, 6))
_ASSET_96 = _numbers((42, 13), (45, 14), (48, 15), (52, 16), (55, 17), (58, 18), (62, 19))
_ASSET_202 = _texts((148, 18), (151, 19), (154, 20), (158, 21), (161, 22), (164, 23), (168, 24))
_PART_96 = _numbers((11, 3), (14, 4), (17, 5), (21, 6), (24, 7), (27, 8), (31, 9))
_PART_VAR: tuple[Field, ...] = tuple(Text6(characters) for characters in range(18, 25))
_PIECE = Digits(7, 2)

#: Shorter codings of a scheme stand before longer ones.
CODINGS = (
    Coding("sgtin-96", 0x30, (Number(38),), _ITEM),
    Coding("sgtin-198", 0x36, (Text7(140, 20),), _ITEM),
    Coding("sscc-96", 0x31, (), _UNIT, zeros=24),
    Coding("sgln-96", 0x32, (Number(41),), _PLACE),
    Coding("sgln-195", 0x39, (Text7(140, 20),), _PLACE),
    Coding("grai-96", 0x33, (Number(38),), _RETURNABLE),
    Coding("grai-170", 0x37, (Text7(112, 16),), _RETURNABLE),
    Coding("giai-96", 0x34, (), _ASSET_96),
    Coding("giai-202", 0x38, (), _ASSET_202),
    Coding("gsrn-96", 0x2D, (), _UNIT, zeros=24),
    Coding("gsrnp-96", 0x2E, (), _UNIT, zeros=24),
    Coding("gdti-96", 0x2C, (Number(41),), _PLACE),
    Coding("gdti-113", 0x3A, (NumericString(58, 17),), _PLACE),
    Coding("gdti-174", 0x3E, (Text7(119, 17),), _PLACE),
    Coding("cpi-96", 0x3C, (Number(31),), _PART_96),
    Coding("cpi-var", 0x3D, (Number(40, 12),), _PART_VAR),
    Coding("sgcn-96", 0x3F, (NumericString(41, 12),), _PLACE),
    Coding("itip-110", 0x40, (_PIECE, _PIECE, Number(38)), _ITEM),
    Coding("itip-212", 0x41, (_PIECE, _PIECE, Text7(140, 20)), _ITEM),
    Coding("gid-96", 0x35, (Number(28), Number(24), Number(36)), filter_bits=0),
    Coding("usdod-96", 0x2F, (Code(8), Number(36)), filter_bits=4),
    Coding("adi-var", 0x3B, (Code(6), Text6(32, fewest=0), Text6(30)), filter_bits=6),
)
BY_HEADER = {coding.header: coding for coding in CODINGS}
BY_NAME = {coding.name: coding for coding in CODINGS}
BY_SCHEME: dict[str, tuple[Coding, ...]] = {
    scheme: tuple(coding for coding in CODINGS if coding.scheme == scheme)
    for scheme in dict.fromkeys(coding.scheme for coding in CODINGS)
}
