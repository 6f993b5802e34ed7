"""The "+" schemes of GS1 TDS 2: header, toggle, filter, then values of application identifiers.

They do not say how long the company prefix is, so what they hold is a GS1 key and no `urn:epc:id`
URI. Further data that may follow the EPC (the toggle announces it) is not read.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.model.epc_bits import BitReader, BitWriter, Field, Misfit
from gateway.model.epc_elements import DATES, KEYS, Elements, check_digit
from gateway.model.epc_plus_fields import Asset, Counted, Date, Joined, Nibbles, Text

_SERIAL = ("21", Text(20))


@dataclass(frozen=True, slots=True)
class PlusCoding:
    """One "+" scheme: its header and the application identifiers that follow."""

    name: str
    header: int
    values: tuple[tuple[str, Field], ...]

    @property
    def scheme(self) -> str:
        """The scheme without its plus."""
        return self.name.removesuffix("+")

    def read(self, bits: BitReader) -> tuple[int, Elements]:
        """Filter value and elements, from behind the header; raises `Misfit`."""
        bits.take(1)  # the data toggle
        filter_value = bits.take(3)
        date = _read_date(bits) if self.name == "dsgtin+" else ()
        elements = [(ai, field.read(bits)) for ai, field in self.values]
        ai, key = elements[0]
        digits = key[: 14 if ai == "8006" else KEYS[ai]]
        if digits and check_digit(digits[:-1]) != digits[-1]:
            raise Misfit
        if elements[-1] == ("254", "0"):  # a location without an extension
            elements.pop()
        return filter_value, (*elements, *date)

    def write(self, elements: Elements, filter_value: int) -> bytes:
        """All bits of a GS1 key; ValueError with a sentence when it does not fit."""
        if not 0 <= filter_value <= 7:
            raise ValueError(f"The filter value of {self.name} is at most 7.")
        given = dict(elements)
        if self.name == "sgln+":
            given.setdefault("254", "0")
        bits = BitWriter()
        bits.put(self.header << 4 | filter_value, 12)
        if self.name == "dsgtin+":
            _write_date(given, bits)
        for ai, field in self.values:
            if ai not in given:
                raise ValueError(f"{self.name} needs a value of ({ai}).")
            field.write(given.pop(ai), bits)
        if given:
            raise ValueError(f"{self.name} cannot carry ({next(iter(given))}).")
        return bits.data()


def coding_of(elements: Elements) -> PlusCoding:
    """The scheme that carries a GS1 key; ValueError with a sentence when none does."""
    key = elements[0][0]
    dated = any(ai in DATES for ai, _ in elements)
    for coding in CODINGS:
        if coding.values[0][0] == key and (coding.name == "dsgtin+") is dated:
            return coding
    raise ValueError(f"No EPC carries a key of ({key}){' with a date' if dated else ''}.")


def _read_date(bits: BitReader) -> Elements:
    kind = bits.take(4)
    if kind >= len(DATES):
        raise Misfit
    return ((DATES[kind], Date().read(bits)),)


def _write_date(given: dict[str, str], bits: BitWriter) -> None:
    for number, ai in enumerate(DATES):
        if ai in given:
            bits.put(number, 4)
            Date().write(given.pop(ai), bits)
            return
    raise ValueError(f"dsgtin+ needs a date: one of ({'), ('.join(DATES)}).")


CODINGS = (
    PlusCoding("cpi+", 0xF0, (("8010", Asset(30)), ("8011", Counted(12)))),
    PlusCoding("grai+", 0xF1, (("8003", Joined(Nibbles(14), Text(16))),)),
    PlusCoding("sgln+", 0xF2, (("414", Nibbles(13)), ("254", Text(20)))),
    PlusCoding("itip+", 0xF3, (("8006", Nibbles(18)), _SERIAL)),
    PlusCoding("gsrn+", 0xF4, (("8018", Nibbles(18)),)),
    PlusCoding("gsrnp+", 0xF5, (("8017", Nibbles(18)),)),
    PlusCoding("gdti+", 0xF6, (("253", Joined(Nibbles(13), Text(17))),)),
    PlusCoding("sgtin+", 0xF7, (("01", Nibbles(14)), _SERIAL)),
    PlusCoding("sgcn+", 0xF8, (("255", Joined(Nibbles(13), Counted(12))),)),
    PlusCoding("sscc+", 0xF9, (("00", Nibbles(18)),)),
    PlusCoding("giai+", 0xFA, (("8004", Asset(30)),)),
    PlusCoding("dsgtin+", 0xFB, (("01", Nibbles(14)), _SERIAL)),
)
BY_HEADER = {coding.header: coding for coding in CODINGS}
BY_NAME = {coding.name: coding for coding in CODINGS}
