"""Every identity that fits a scheme comes back from its bits, and from its texts."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.model import epc, epc_plus
from gateway.model.epc_bits import GS1_CHARACTERS
from gateway.model.epc_elements import (
    Elements,
    check_digit,
    check_key,
    digital_link,
    element_string,
    parse_digital_link,
    parse_element_string,
)
from gateway.model.epc_key import fields_in, parse_tag_uri
from gateway.model.epc_schemes import BY_NAME, Coding

_DIGITS = "0123456789"
_CODES = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_SIX_BIT = "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

gs1_text = st.text(sorted(GS1_CHARACTERS), min_size=1, max_size=20)
digits = st.text(_DIGITS, min_size=1, max_size=12)
number = st.integers(0, 2**28 - 1).map(str)


def exactly(count: int) -> st.SearchStrategy[str]:
    return st.text(_DIGITS, min_size=count, max_size=count)


@st.composite
def prefixed(draw: st.DrawFn, coding: Coding) -> tuple[str, ...]:
    """Fields of a coding with a company prefix."""
    prefix = draw(exactly(draw(st.integers(6, 12))))
    left = {"sgtin": 13, "itip": 13, "sscc": 17, "gsrn": 17, "gsrnp": 17}.get(coding.scheme, 12)
    second = draw(exactly(left - len(prefix)))
    if coding.name in ("giai-96", "cpi-96"):
        second = draw(st.integers(0, 10 ** (15 - len(prefix)) - 1).map(str))
    elif coding.name == "giai-202":
        second = draw(st.text(sorted(GS1_CHARACTERS), min_size=1, max_size=18))
    elif coding.name == "cpi-var":
        second = draw(st.text(_SIX_BIT, min_size=1, max_size=18))
    serial = {"giai": (), "sscc": (), "gsrn": (), "gsrnp": ()}.get(coding.scheme, (number,))
    if coding.name in ("sgtin-198", "sgln-195", "itip-212"):
        serial = (gs1_text,)
    elif coding.name in ("grai-170", "gdti-174"):
        serial = (st.text(sorted(GS1_CHARACTERS), min_size=1, max_size=16),)
    elif coding.name in ("sgcn-96", "gdti-113"):
        serial = (digits,)
    pieces = (exactly(2), exactly(2)) if coding.scheme == "itip" else ()
    return (prefix, second, *(draw(field) for field in (*pieces, *serial)))


@st.composite
def identities(draw: st.DrawFn) -> tuple[Coding, tuple[str, ...], int]:
    """A coding, fields that fit it, and a filter value."""
    coding = draw(st.sampled_from(sorted(BY_NAME.values(), key=lambda c: c.name)))
    code = st.text(_CODES, min_size=5, max_size=6)
    if coding.scheme == "gid":
        numbers = (st.integers(0, 2**bits - 1).map(str) for bits in (28, 24, 36))
        fields = tuple(draw(n) for n in numbers)
    elif coding.scheme == "usdod":
        fields = (draw(code), draw(number))
    elif coding.scheme == "adi":
        part = st.text(_SIX_BIT, max_size=32)
        fields = (draw(code), draw(part), draw(st.text(_SIX_BIT, min_size=1, max_size=30)))
    else:
        fields = draw(prefixed(coding))
    return coding, fields, draw(st.integers(0, 2**coding.filter_bits - 1))


@given(identities())
def test_identities_come_back_from_their_bits(
    given_: tuple[Coding, tuple[str, ...], int],
) -> None:
    coding, fields, value = given_
    tag = epc.encode(coding.name, fields, value)
    assert len(tag) % 2 == 0
    found = epc.decode(tag)
    assert found is not None
    assert (found.coding, found.fields, found.filter_value or 0) == (coding.name, fields, value)


@given(identities())
def test_identities_come_back_from_their_tag_uri(
    given_: tuple[Coding, tuple[str, ...], int],
) -> None:
    coding, fields, value = given_
    tag = epc.encode(coding.name, fields, value)
    found = epc.decode(tag)
    assert found is not None
    assert found.tag_uri is not None
    assert found.tag_uri.isascii()
    assert " " not in found.tag_uri
    assert parse_tag_uri(found.tag_uri) == tag


@given(identities())
def test_identities_come_back_from_their_digital_link_when_the_prefix_is_known(
    given_: tuple[Coding, tuple[str, ...], int],
) -> None:
    coding, fields, value = given_
    found = epc.decode(epc.encode(coding.name, fields, value))
    assert found is not None
    link = found.digital_link()
    if link is None:
        assert coding.scheme in ("gid", "usdod", "adi")
        return
    assume(fields[0][:4].isdigit())
    elements = check_key(link, parse_digital_link(link))
    assert elements == found.elements
    assert fields_in(elements, len(fields[0])) == (coding.scheme, fields)


@st.composite
def keys(draw: st.DrawFn) -> Elements:
    """A GS1 key that a "+" scheme can carry."""
    coding = draw(st.sampled_from(epc_plus.CODINGS))
    serial = draw(gs1_text)
    thirteen, seventeen = draw(exactly(12)), draw(exactly(17))
    body = draw(exactly(13))
    gtin = body + check_digit(body)
    short = draw(st.text(sorted(GS1_CHARACTERS), min_size=1, max_size=16))
    return {
        "cpi": (("8010", thirteen + draw(st.text(sorted(GS1_CHARACTERS), max_size=18))),
                ("8011", draw(digits))),
        "grai": (("8003", gtin + short),),
        "sgln": (("414", thirteen + check_digit(thirteen)), ("254", serial)),
        "itip": (("8006", gtin + draw(exactly(4))), ("21", serial)),
        "gsrn": (("8018", seventeen + check_digit(seventeen)),),
        "gsrnp": (("8017", seventeen + check_digit(seventeen)),),
        "gdti": (("253", thirteen + check_digit(thirteen) + short),),
        "sgtin": (("01", gtin), ("21", serial)),
        "sgcn": (("255", thirteen + check_digit(thirteen) + draw(digits)),),
        "sscc": (("00", seventeen + check_digit(seventeen)),),
        "giai": (("8004", thirteen + draw(st.text(sorted(GS1_CHARACTERS), max_size=18))),),
        "dsgtin": (("01", gtin), ("21", serial), ("17", "261231")),
    }[coding.scheme]  # fmt: skip


@given(keys(), st.integers(0, 7))
def test_keys_come_back_from_the_bits_of_their_plus_scheme(key: Elements, value: int) -> None:
    coding = epc_plus.coding_of(key)
    found = epc.decode(coding.write(key, value))
    assert found is not None
    assert found.coding == coding.name
    assert found.filter_value == value
    assert found.elements == (key[:1] if ("254", "0") in key else key)


@given(keys())
def test_keys_come_back_from_their_texts(key: Elements) -> None:
    link = digital_link(key, "https://example.com/some/where")
    assert check_key(link, parse_digital_link(link)) == key
    text = element_string(key)
    if "(" not in key[0][1] + key[-1][1]:  # nothing that looks like an identifier of its own
        assert check_key(text, parse_element_string(text)) == key
