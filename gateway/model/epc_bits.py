"""Bits of an EPC as fields of text, and back: numbers, padded digits, characters of 6 and 7 bits.

A field reads itself from a `BitReader` and writes itself to a `BitWriter`. What cannot be read
raises `Misfit` without a message, because a tag that fits no scheme is nobody's mistake; what
cannot be written raises ValueError with a sentence, because somebody asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

#: How much of a text is repeated in a sentence about it.
_SHOWN_CHARACTERS = 60

#: GS1's character set 82, in which serial numbers of 7-bit characters are written.
GS1_CHARACTERS = frozenset(
    "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
)
_SIX_BIT_CHARACTERS = frozenset("#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CODE_CHARACTERS = frozenset("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ")  # CAGE and DoDAAC: no I, no O


class Misfit(ValueError):  # noqa: N818 - no error of anybody's
    """These bits follow no scheme."""


class BitReader:
    """Takes bits from the front."""

    __slots__ = ("_bits", "left")

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "big")
        self.left = len(data) * 8

    def take(self, count: int) -> int:
        """The next `count` bits as a number; raises `Misfit` at the end."""
        self.left -= count
        if self.left < 0:
            raise Misfit
        return self._bits >> self.left & (1 << count) - 1


class BitWriter:
    """Puts bits behind each other."""

    __slots__ = ("_bits", "width")

    def __init__(self) -> None:
        self._bits = 0
        self.width = 0

    def put(self, number: int, count: int) -> None:
        """Write a number as `count` bits."""
        self._bits = self._bits << count | number
        self.width += count

    def data(self) -> bytes:
        """What was written, with zeros up to whole words of 16 bits, as tags have them."""
        padding = -self.width % 16
        return (self._bits << padding).to_bytes((self.width + padding) // 8, "big")


class Field(Protocol):
    """One field of a scheme."""

    def read(self, bits: BitReader) -> str:
        """The field's text; raises `Misfit`."""

    def write(self, text: str, bits: BitWriter) -> None:
        """Write a text; raises ValueError with a sentence."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is, without leading zeros, of at most `digits` digits if that is given."""

    bits: int
    digits: int | None = None

    def read(self, bits: BitReader) -> str:
        """The number in decimal digits."""
        number = bits.take(self.bits)
        if self.digits is not None and number >= 10**self.digits:
            raise Misfit
        return str(number)

    def write(self, text: str, bits: BitWriter) -> None:
        """Write decimal digits."""
        if text[:1] == "0" and len(text) > 1:
            raise ValueError(f"{shown(text)} has a leading zero, which its field cannot carry.")
        if self.digits is not None and len(text) > self.digits:
            raise ValueError(f"{shown(text)} has more than {self.digits} digits.")
        bits.put(number_of(text, self.bits), self.bits)


@dataclass(frozen=True, slots=True)
class Digits:
    """A number with all its digits; there may be none, in bits that are zero."""

    bits: int
    digits: int

    def read(self, bits: BitReader) -> str:
        """The digits, leading zeros included."""
        number = bits.take(self.bits)
        if number >= 10**self.digits:
            raise Misfit
        return f"{number:0{self.digits}d}" if self.digits else ""

    def write(self, text: str, bits: BitWriter) -> None:
        """Write exactly so many digits."""
        if len(text) != self.digits:
            raise ValueError(f"{shown(text)} has {len(text)} digits; its field has {self.digits}.")
        bits.put(number_of(text, self.bits) if text else 0, self.bits)


@dataclass(frozen=True, slots=True)
class NumericString:
    """Digits whose leading zeros count: a 1 stands before them."""

    bits: int
    digits: int

    def read(self, bits: BitReader) -> str:
        """The digits behind the 1."""
        text = str(bits.take(self.bits))
        if text[0] != "1" or not 1 < len(text) <= self.digits + 1:
            raise Misfit
        return text[1:]

    def write(self, text: str, bits: BitWriter) -> None:
        """Write at least one digit."""
        if not 1 <= len(text) <= self.digits:
            raise ValueError(f"{shown(text)} has {len(text)} digits; it may be 1 to {self.digits}.")
        number_of(text, self.bits)
        bits.put(number_of(f"1{text}", self.bits), self.bits)


@dataclass(frozen=True, slots=True)
class Text7:
    """Characters of 7 bits; zeros fill what is left of `bits`."""

    bits: int
    characters: int

    def read(self, bits: BitReader) -> str:
        """The characters up to the zeros."""
        number = bits.take(self.bits) >> self.bits - 7 * self.characters
        codes = [number >> 7 * n & 127 for n in range(self.characters - 1, -1, -1)]
        text = "".join(map(chr, codes)).rstrip("\0")
        if not text or not GS1_CHARACTERS.issuperset(text):
            raise Misfit
        return text

    def write(self, text: str, bits: BitWriter) -> None:
        """Write GS1's characters."""
        if not 1 <= len(text) <= self.characters:
            raise ValueError(
                f"{shown(text)} has {len(text)} characters; it may be 1 to {self.characters}."
            )
        gs1_characters(text)
        number = 0
        for character in text:
            number = number << 7 | ord(character)
        bits.put(number << self.bits - 7 * len(text), self.bits)


@dataclass(frozen=True, slots=True)
class Text6:
    """Capitals, digits, `-`, `/` and `#` of 6 bits each, ended by six zeros."""

    characters: int
    fewest: int = 1

    def read(self, bits: BitReader) -> str:
        """The characters before the six zeros."""
        text = ""
        while code := bits.take(6):
            text += chr(code if code & 32 else code | 64)
            if len(text) > self.characters:
                raise Misfit
        if len(text) < self.fewest or not _SIX_BIT_CHARACTERS.issuperset(text):
            raise Misfit
        return text

    def write(self, text: str, bits: BitWriter) -> None:
        """Write the characters and their end."""
        if not self.fewest <= len(text) <= self.characters:
            raise ValueError(
                f"{shown(text)} has {len(text)} characters; it may be {self.fewest} to "
                f"{self.characters}."
            )
        if not _SIX_BIT_CHARACTERS.issuperset(text):
            raise ValueError(f"{shown(text)} may hold capitals, digits, - / and # only.")
        for character in text:
            bits.put(ord(character) & 63, 6)
        bits.put(0, 6)


@dataclass(frozen=True, slots=True)
class Code:
    """A CAGE code of five characters, after a space, or a DoDAAC of six."""

    character_bits: int  # 6 or 8

    def read(self, bits: BitReader) -> str:
        """The five or six characters."""
        text = ""
        for _ in range(6):
            code = bits.take(self.character_bits)
            text += chr(code if self.character_bits == 8 or code & 32 else code | 64)
        text = text.removeprefix(" ")
        if not _CODE_CHARACTERS.issuperset(text):
            raise Misfit
        return text

    def write(self, text: str, bits: BitWriter) -> None:
        """Write five or six characters."""
        if len(text) not in (5, 6) or not _CODE_CHARACTERS.issuperset(text):
            raise ValueError(f"{shown(text)} is no CAGE or DoDAAC code.")
        for character in text.rjust(6):
            bits.put(ord(character) & (1 << self.character_bits) - 1, self.character_bits)


def number_of(text: str, bits: int) -> int:
    """A text of digits as a number that fits in `bits`; ValueError with a sentence."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{shown(text)} is not a number.")
    if len(text) > 19 or (number := int(text)) >> bits:
        raise ValueError(f"{shown(text)} is too large for the {bits} bits of its field.")
    return number


def gs1_characters(text: str) -> None:
    """Refuse a text with a character that GS1's set does not have."""
    for character in text:
        if character not in GS1_CHARACTERS:
            raise ValueError(
                f"{shown(text)} holds {character!r}, which GS1's character set 82 does not have."
            )


def shown(text: str) -> str:
    """A text as a sentence repeats it: in quotes, and not for ever."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")
