"""EPC bytes ⇄ identities, held to the examples that GS1 printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import epc

_VECTORS = Path(__file__).parents[3] / "../shared/data/tds/vectors.json"
_SGTIN = bytes.fromhex("3074257BF7194E4000001A85")


def _vectors(group: str) -> list[dict[str, Any]]:
    if not _VECTORS.exists():
        pytest.skip(f"{_VECTORS.name} with the examples of GS1 is not beside the repository")
    found: list[dict[str, Any]] = json.loads(_VECTORS.read_text())[group]
    return found


def test_the_96_bit_examples_of_the_standard_give_their_uris() -> None:
    checked = 0
    for vector in _vectors("tds_1_13"):
        if not vector["scheme"].endswith("-96"):
            continue
        tag = bytes.fromhex(vector["hex"])
        identity = epc.decode(tag)
        assert identity is not None
        assert identity.uri == epc.uri(tag) == vector["epc_uri"]
        assert identity.tag_uri == vector["tag_uri"]
        checked += 1
    assert checked >= 4


def test_tags_that_follow_no_scheme_have_no_uri() -> None:
    for vector in _vectors("negative"):
        assert epc.uri(bytes.fromhex(vector["hex"])) is None


@pytest.mark.parametrize(
    ("hexadecimal", "uri"),
    [
        # Worked out by hand: header, filter 1, partition, prefix and reference, serial.
        ("3034257BF7194E4000001A85", "urn:epc:id:sgtin:0614141.812345.6789"),
        ("3174257BF4499602D2000000", "urn:epc:id:sscc:0614141.1234567890"),
        ("2D74257BF4499602D2000000", "urn:epc:id:gsrn:0614141.1234567890"),
        ("3274257BF460720000000190", "urn:epc:id:sgln:0614141.12345.400"),
        ("3374257BF40C0E400000162E", "urn:epc:id:grai:0614141.12345.5678"),
        ("3474257BF40000000000162E", "urn:epc:id:giai:0614141.5678"),
        ("2C74257BF46072000000162E", "urn:epc:id:gdti:0614141.12345.5678"),
        ("350007AB70425D4000000586", "urn:epc:id:gid:31415.271828.1414"),
    ],
)
def test_each_scheme_decodes(hexadecimal: str, uri: str) -> None:
    tag = bytes.fromhex(hexadecimal)
    assert epc.uri(tag) == uri
    *_, scheme, fields = uri.split(":")
    assert tag in epc.encodings(scheme, tuple(fields.split(".")))


def test_a_department_of_defense_tag_keeps_its_code_and_filter() -> None:
    tag = epc.encode("usdod", ("2S194", "12345678901"), filter_value=3)
    identity = epc.decode(tag)
    assert identity is not None
    assert identity.tag_uri == "urn:epc:tag:usdod-96:3.2S194.12345678901"
    assert tag[0] == 0x2F


def test_a_coupon_number_keeps_its_leading_zeros() -> None:
    tag = epc.encode("sgcn", ("4012345", "67890", "0047"))
    assert epc.uri(tag) == "urn:epc:id:sgcn:4012345.67890.0047"


def test_a_company_prefix_of_twelve_digits_leaves_an_empty_reference() -> None:
    tag = epc.encode("grai", ("614141123452", "", "7"))
    assert epc.uri(tag) == "urn:epc:id:grai:614141123452..7"


def test_gtin_and_sscc_carry_their_check_digits() -> None:
    sgtin, sscc = epc.decode(_SGTIN), epc.decode(bytes.fromhex("3174257BF4499602D2000000"))
    assert sgtin is not None
    assert sscc is not None
    assert (sgtin.gtin, sgtin.sscc) == ("80614141123458", None)
    assert (sscc.gtin, sscc.sscc) == (None, "106141412345678908")


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"\x30",
        bytes(12),
        bytes.fromhex("E28011606000020000000000"),
        bytes.fromhex("307C257BF7194E4000001A85"),  # partition 7
        bytes.fromhex("3077FFFFF7194E4000001A85"),  # a company prefix with too many digits
        bytes.fromhex("3174257BF4499602D2000001"),  # reserved bits that are not zero
        bytes.fromhex("3074257BF7194E4000001A8500"),  # more than 96 bits
        bytes.fromhex("3F74257BF40C0E0000000000"),  # a coupon serial without its leading 1
        b"RFID-TAG-001",
    ],
)
def test_odd_tags_are_no_identity_and_no_error(odd: bytes) -> None:
    assert epc.uri(odd) is None


@given(st.binary(max_size=62))
def test_decoding_never_raises(tag: bytes) -> None:
    epc.decode(tag)


@given(
    st.sampled_from([*sorted(epc._BY_HEADER), 0x35, 0x2F]),
    st.binary(min_size=11, max_size=11),
)
def test_what_decodes_encodes_to_the_same_bits(header: int, rest: bytes) -> None:
    tag = bytes([header]) + rest
    identity = epc.decode(tag)
    if identity is not None:
        assert epc.encode(identity.scheme, identity.fields, identity.filter_value or 0) == tag


@given(st.integers(0, 6), st.data())
def test_every_identity_is_found_again(partition: int, data: st.DataObject) -> None:
    digits = st.text("0123456789", min_size=12 - partition, max_size=12 - partition)
    item = st.text("0123456789", min_size=1 + partition, max_size=1 + partition)
    serial = st.integers(0, 2**38 - 1).map(str)
    fields = (data.draw(digits), data.draw(item), data.draw(serial))
    tags = epc.encodings("sgtin", fields)
    assert len(set(tags)) == 8
    for tag in tags:
        assert epc.uri(tag) == f"urn:epc:id:sgtin:{'.'.join(fields)}"


@pytest.mark.parametrize(
    ("scheme", "fields", "words"),
    [
        ("sgtin", ("0614141", "812345"), "3 fields"),
        ("sgtin", ("06141", "812345", "1"), "6 to 12 digits"),
        ("sgtin", ("0614141", "81234", "1"), "has 6 digits"),
        ("sgtin", ("0614141", "812345", "007"), "leading zero"),
        ("sgtin", ("0614141", "812345", str(2**38)), "too large"),
        ("sgtin", ("0614141", "812345", "A1"), "not a number"),
        ("sgtin", ("0614141", "812345", "9" * 5000), "too large"),
        ("gid", ("1", "2"), "3 fields"),
        ("usdod", ("2S19I", "1"), "no CAGE"),
        ("nope", ("1",), "no EPC scheme"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    scheme: str, fields: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        epc.encode(scheme, fields)
