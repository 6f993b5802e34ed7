"""Fields of the "+" schemes of GS1 TDS 2: a value says itself how it is written and how long.

Every one is a `Field` of `epc_bits`: `read` raises `Misfit`, `write` ValueError with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gateway.model.epc_bits import (
    GS1_CHARACTERS,
    BitReader,
    BitWriter,
    Field,
    Misfit,
    gs1_characters,
    shown,
)

_ASCII = "".join(map(chr, range(128)))
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CODE40 = "\0ABCDEFGHIJKLMNOPQRSTUVWXYZ-.:0123456789"  # three characters in 16 bits
_DELIMITER, _TERMINATOR = 14, 15


@dataclass(frozen=True, slots=True)
class Nibbles:
    """A fixed count of decimal digits, four bits each."""

    digits: int

    def read(self, bits: BitReader) -> str:
        """The digits."""
        text = f"{bits.take(4 * self.digits):0{self.digits}x}"
        if not text.isdigit():
            raise Misfit
        return text

    def write(self, text: str, bits: BitWriter) -> None:
        """Write exactly so many digits."""
        if len(text) != self.digits or not (text.isascii() and text.isdigit()):
            raise ValueError(f"{shown(text)} should be a number of {self.digits} digits.")
        bits.put(int(text, 16), 4 * self.digits)


@dataclass(frozen=True, slots=True)
class Counted:
    """Up to `digits` decimal digits behind their count; leading zeros are kept."""

    digits: int
    count_bits: int = 4

    def read(self, bits: BitReader) -> str:
        """The digits."""
        length = bits.take(self.count_bits)
        if not 0 < length <= self.digits:
            raise Misfit
        return _read_digits(bits, length)

    def write(self, text: str, bits: BitWriter) -> None:
        """Write at least one digit."""
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"{shown(text)} is not a number.")
        _check_length(text, self.digits)
        bits.put(len(text), self.count_bits)
        bits.put(int(text), _digit_bits(len(text)))


@dataclass(frozen=True, slots=True)
class Text:
    """Up to `characters` of GS1's set: in which alphabet (3 bits), how many (5 bits), then they."""

    characters: int

    def read(self, bits: BitReader) -> str:
        """The characters."""
        way, length = bits.take(3), bits.take(5)
        if way >= len(_WAYS) or not 0 < length <= self.characters:
            raise Misfit
        return _WAYS[way].read(bits, length)

    def write(self, text: str, bits: BitWriter) -> None:
        """Write at least one character, in the alphabet that takes the fewest bits."""
        _check_length(text, self.characters)
        gs1_characters(text)
        fitting = [n for n, way in enumerate(_WAYS) if way.alphabet.issuperset(text)]
        best = min(fitting, key=lambda n: _WAYS[n].width(len(text)))
        bits.put(best, 3)
        bits.put(len(text), 5)
        _WAYS[best].write(text, bits)


@dataclass(frozen=True, slots=True)
class Asset:
    """Digits of four bits each, up to an end, or up to a delimiter and on from there as `Text`."""

    characters: int

    def read(self, bits: BitReader) -> str:
        """The digits and what follows them."""
        text = ""
        while (nibble := bits.take(4)) < 10:
            text += str(nibble)
            if len(text) > self.characters:
                raise Misfit
        if nibble == _DELIMITER:
            text += Text(self.characters).read(bits)
        elif nibble != _TERMINATOR:
            raise Misfit
        if not 0 < len(text) <= self.characters:
            raise Misfit
        return text

    def write(self, text: str, bits: BitWriter) -> None:
        """Write at least one character."""
        _check_length(text, self.characters)
        gs1_characters(text)
        rest = text.lstrip("0123456789")
        for digit in text[: len(text) - len(rest)]:
            bits.put(int(digit), 4)
        bits.put(_DELIMITER if rest else _TERMINATOR, 4)
        if rest:
            Text(self.characters).write(rest, bits)


@dataclass(frozen=True, slots=True)
class Joined:
    """A fixed count of digits and a second field, which together are one value."""

    first: Nibbles
    second: Field

    def read(self, bits: BitReader) -> str:
        """Both texts, one behind the other."""
        return self.first.read(bits) + self.second.read(bits)

    def write(self, text: str, bits: BitWriter) -> None:
        """Write both."""
        self.first.write(text[: self.first.digits], bits)
        self.second.write(text[self.first.digits :], bits)


class Date:
    """Year, month and day of a YYMMDD date; the day may be 00."""

    def read(self, bits: BitReader) -> str:
        """The six digits."""
        year, month, day = bits.take(7), bits.take(4), bits.take(5)
        if year > 99 or not 1 <= month <= 12:
            raise Misfit
        return f"{year:02d}{month:02d}{day:02d}"

    def write(self, text: str, bits: BitWriter) -> None:
        """Write six digits."""
        right = len(text) == 6 and text.isascii() and text.isdigit()
        if not right or not 1 <= int(text[2:4]) <= 12 or int(text[4:]) > 31:
            raise ValueError(f"{shown(text)} is no date such as 261231.")
        for part, width in ((text[:2], 7), (text[2:4], 4), (text[4:], 5)):
            bits.put(int(part), width)


@dataclass(frozen=True, slots=True)
class _Way:
    """One alphabet of `Text`."""

    alphabet: frozenset[str]
    width: Callable[[int], int]  # bits of so many characters
    read: Callable[[BitReader, int], str]
    write: Callable[[str, BitWriter], None]


def _characters(alphabet: str, bits_each: int) -> _Way:
    def read(bits: BitReader, length: int) -> str:
        text = "".join(alphabet[bits.take(bits_each)] for _ in range(length))
        if not GS1_CHARACTERS.issuperset(text):
            raise Misfit
        return text

    def write(text: str, bits: BitWriter) -> None:
        for character in text:
            bits.put(alphabet.index(character), bits_each)

    return _Way(frozenset(alphabet), lambda length: length * bits_each, read, write)


def _read_code40(bits: BitReader, length: int) -> str:
    text = ""
    for _ in range(-(-length // 3)):
        word = bits.take(16) - 1
        if not 0 <= word < 40**3:
            raise Misfit
        text += _CODE40[word // 1600] + _CODE40[word // 40 % 40] + _CODE40[word % 40]
    text = text.rstrip("\0")
    if len(text) != length or "\0" in text:
        raise Misfit
    return text


def _write_code40(text: str, bits: BitWriter) -> None:
    for start in range(0, len(text), 3):
        one, two, three = (_CODE40.index(c) for c in text[start : start + 3].ljust(3, "\0"))
        bits.put(1600 * one + 40 * two + three + 1, 16)


def _read_digits(bits: BitReader, length: int) -> str:
    text = f"{bits.take(_digit_bits(length)):0{length}d}"
    if len(text) > length:
        raise Misfit
    return text


def _digit_bits(length: int) -> int:
    """What the largest number of so many digits takes."""
    largest: int = 10**length - 1
    return largest.bit_length()


def _check_length(text: str, most: int) -> None:
    if not 1 <= len(text) <= most:
        raise ValueError(f"{shown(text)} has {len(text)} characters; it may have 1 to {most}.")


#: By their number on the tag.
_WAYS = (
    _Way(
        frozenset("0123456789"),
        _digit_bits,
        _read_digits,
        lambda text, bits: bits.put(int(text), _digit_bits(len(text))),
    ),
    _characters("0123456789ABCDEF", 4),
    _characters("0123456789abcdef", 4),
    _characters(_BASE64, 6),
    _characters(_ASCII, 7),
    _Way(frozenset(_CODE40[1:]), lambda length: -(-length // 3) * 16, _read_code40, _write_code40),
)
