"""What a person or a WMS writes finds the tag it means."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import epc
from gateway.model.epc_key import MAX_KEY_CHARACTERS, parse_key

_SGTIN = bytes.fromhex("3074257BF7194E4000001A85")
_SSCC = bytes.fromhex("3174257BF4499602D2000000")


@pytest.mark.parametrize(
    "text",
    [
        "3074257BF7194E4000001A85",
        "3074257bf7194e4000001a85",
        " 3074 257B F719 4E40 0000 1A85 ",
        "urn:epc:id:sgtin:0614141.812345.6789",
        "URN:EPC:ID:SGTIN:0614141.812345.6789",
        "urn:epc:tag:sgtin-96:3.0614141.812345.6789",
        "urn:epc:raw:96.x3074257BF7194E4000001A85",
        "https://id.gs1.org/01/80614141123458/21/6789",
        "https://shop.example/some/where/01/80614141123458/10/LOT7/21/6789?17=261231#x",
        "/01/80614141123458/21/6789",
        "01/80614141123458/21/6789",
        "(01)80614141123458(21)6789",
    ],
)
def test_every_form_of_a_tag_finds_it(text: str) -> None:
    assert _SGTIN in parse_key(text).epcs


@pytest.mark.parametrize(
    "text",
    ["106141412345678908", "(00)106141412345678908", "https://id.gs1.org/00/106141412345678908"],
)
def test_an_sscc_finds_its_tag_whatever_the_filter(text: str) -> None:
    assert _SSCC in parse_key(text).epcs
    assert epc.encode("sscc", ("0614141", "1234567890"), 6) in parse_key(text).epcs


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("(414)0614141123452(254)400", "urn:epc:id:sgln:0614141.12345.400"),
        ("(414)0614141123452", "urn:epc:id:sgln:0614141.12345.0"),
        ("(8003)006141411234525678", "urn:epc:id:grai:0614141.12345.5678"),
        ("(8004)06141415678", "urn:epc:id:giai:0614141.5678"),
        ("(253)06141411234525678", "urn:epc:id:gdti:0614141.12345.5678"),
        ("(255)40123456789010047", "urn:epc:id:sgcn:4012345.67890.0047"),
        ("(8018)061414112345678902", "urn:epc:id:gsrn:0614141.1234567890"),
        ("(8017)061414112345678902", "urn:epc:id:gsrnp:0614141.1234567890"),
        ("(8010)0614141123456(8011)12345", "urn:epc:id:cpi:0614141.123456.12345"),
    ],
)
def test_gs1_keys_of_every_scheme_are_among_the_candidates(text: str, uri: str) -> None:
    assert uri in {epc.uri(tag) for tag in parse_key(text).epcs}


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("80614141123458", "80614141123458"),
        ("614141123452", "00614141123452"),
        ("4006381333931", "04006381333931"),
        ("96385074", "00000096385074"),
        ("(01)80614141123458", "80614141123458"),
        ("https://id.gs1.org/01/80614141123458", "80614141123458"),
        ("urn:epc:idpat:sgtin:0614141.812345.*", "80614141123458"),
    ],
)
def test_a_gtin_means_all_its_tags(text: str, gtin: str) -> None:
    assert parse_key(text).gtin == gtin


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("urn:epc:id:sgtin:0614141.812345.32a%2Fb", ("sgtin-198", "32a/b")),
        ("urn:epc:tag:sgtin-198:0.0614141.812345.32a%2Fb", ("sgtin-198", "32a/b")),
        ("(01)80614141123458(21)32a/b", ("sgtin-198", "32a/b")),
        ("https://id.gs1.org/01/80614141123458/21/32a%2Fb", ("sgtin-198", "32a/b")),
        ("(01)80614141123458(21)6789", ("sgtin-198", "6789")),
        ("(01)80614141123458(21)a(21)b.c", ("sgtin-198", "a(21)b.c")),
        ("urn:epc:id:sgtin:0614141.812345.b.c", ("sgtin-198", "b.c")),
    ],
)
def test_serial_numbers_of_any_characters_find_their_tags(text: str, tag: tuple[str, str]) -> None:
    coding, serial = tag
    assert epc.encode(coding, ("0614141", "812345", serial)) in parse_key(text).epcs


@pytest.mark.parametrize(
    "text",
    [
        "(01)79521141123453(21)32a/b",
        "https://id.gs1.org/01/79521141123453/21/32a%2Fb",
        "F73795211411234538566CB0AFC4",
    ],
)
def test_a_key_finds_the_plus_tag_that_carries_it(text: str) -> None:
    assert bytes.fromhex("F73795211411234538566CB0AFC4") in parse_key(text).epcs


def test_a_dated_link_finds_the_dated_tag() -> None:
    text = "https://id.gs1.org/01/79521141123453/21/32a%2Fb?17=220630"
    assert bytes.fromhex("FB342CDE795211411234538566CB0AFC4000") in parse_key(text).epcs


def test_digits_may_be_hex_and_gtin_at_once() -> None:
    key = parse_key("614141123452")
    assert key.gtin == "00614141123452"
    assert key.epcs == (bytes.fromhex("614141123452"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "1 to 512"),
        ("x" * 600, "1 to 512"),
        ("zz", "neither an EPC"),
        ("123", "neither an EPC"),
        ("٣٤" * 4, "neither an EPC"),
        ("30" * 63, "neither an EPC"),
        ("urn:epc", "no EPC URI"),
        ("urn:isbn:123", "no EPC URI"),
        ("urn:epc:id:nope:1", "no EPC scheme"),
        ("urn:epc:id:sgtin:1.2.3", "6 to 12 digits"),
        ("urn:epc:tag:sgtin-96:9.0614141.812345.6789", "at most 7"),
        ("urn:epc:tag:sgtin-96:x.0614141.812345.6789", "small number"),
        ("urn:epc:tag:sgtin:3.0614141.812345.6789", "no layout"),
        ("urn:epc:tag:sgtin-96:3.0614141.812345.A", "not a number"),
        ("urn:epc:id:sgtin:0614141.812345.A%2", "two hex digits"),
        ("urn:epc:raw:64.x3074257BF7194E4000001A85", "raw EPC URI"),
        ("urn:epc:raw:16.xZZZZ", "raw EPC URI"),
        ("(01)80614141123457(21)6789", "should be 8"),
        ("(01)806141(21)6789", "begins with 14 digits"),
        ("(01", "element string"),
        ("(99)123", "begins with one of"),
        ("https://example.com/about", "Digital Link"),
        ("/00/1234567", "begins with 18 digits"),
    ],
)
def test_what_is_no_key_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_key(text)


@given(st.text(max_size=MAX_KEY_CHARACTERS + 1))
def test_no_text_does_more_than_raise_a_value_error(text: str) -> None:
    with suppress(ValueError):
        parse_key(text)


@given(st.text("0123456789ABC/()urn:epcidsgtin.*x", max_size=60))
def test_texts_that_look_like_keys_do_no_more_either(text: str) -> None:
    with suppress(ValueError):
        assert len(parse_key(text).epcs) <= 7 * 16 + 8
