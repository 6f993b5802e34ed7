"""EPC bytes ⇄ identities, held to the examples that GS1 printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import epc
from gateway.model.epc_elements import element_string
from gateway.model.epc_plus import BY_HEADER as PLUS_BY_HEADER
from gateway.model.epc_plus import BY_NAME as PLUS_BY_NAME
from gateway.model.epc_schemes import BY_HEADER, CODINGS

_VECTORS = Path(__file__).parents[3] / "../shared/data/tds/vectors.json"
_SGTIN = bytes.fromhex("3074257BF7194E4000001A85")

#: The examples of TDS 2.3, appendix E.3: scheme, bits, path of the Digital Link.
_PRINTED = [
    ("sgtin-96", "3066C4409047E140075BCD15", "/01/09506000134352/21/123456789"),
    ("sgtin-198", f"3666C4409047E159B2C2BF1{'0' * 29}", "/01/09506000134352/21/32a%2Fb"),
    ("sgtin+", "F73795211411234538566CB0AFC4", "/01/79521141123453/21/32a%2Fb"),
    ("dsgtin+", "FB342CDE795211411234538566CB0AFC4", "/01/79521141123453/21/32a%2Fb?17=220630"),
    ("sscc-96", "311BA1B300CE0A6A83000000", "/00/095201234567891235"),
    ("sscc+", "F90095201234567891235", "/00/095201234567891235"),
    ("sgln-96", "3276451FD46072000000162E", "/414/9521141123454/254/5678"),
    ("sgln-195", f"3976451FD46072CD9615F88{'0' * 29}", "/414/9521141123454/254/32a%2Fb"),
    ("sgln+", "F2395211411234548566CB0AFC4", "/414/9521141123454/254/32a%2Fb"),
    ("grai-96", "3376451FD40C0E400000162E", "/8003/095211411234545678"),
    ("grai-170", f"3776451FD40C0E59B2C2BF1{'0' * 21}", "/8003/0952114112345432a%2Fb"),
    ("grai+", "F13095211411234548566CB0AFC4", "/8003/0952114112345432a%2Fb"),
    ("giai-96", "3476451FD40000000000162E", "/8004/95211415678"),
    ("giai-202", f"3876451FD59B2C2BF1{'0' * 34}", "/8004/952114132a%2Fb"),
    ("giai+", "FA3952114132E83C2BF10", "/8004/952114132a%2Fb"),
    ("gsrn-96", "2D76451FD4499602D2000000", "/8018/952114112345678906"),
    ("gsrn+", "F43952114112345678906", "/8018/952114112345678906"),
    ("gsrnp-96", "2E76451FD4499602D2000000", "/8017/952114112345678906"),
    ("gsrnp+", "F53952114112345678906", "/8017/952114112345678906"),
    ("gdti-96", "2C76451FD46072000000162E", "/253/95211411234545678"),
    (
        "gdti-174",
        "3E76451FD7039B061438997367D0C18B266D1AB66EE0",
        "/253/9521141987650ABCDefgh012345678",
    ),
    ("gdti+", "F6395211411234540458B8", "/253/95211411234545678"),
    ("cpi-96", "3C76451FD400C0E680003039", "/8010/952114198765/8011/12345"),
    ("cpi-var", "3D76451FD75411DEF6B4CC00000003039000", "/8010/95211415PQ7%2FZ43/8011/12345"),
    ("cpi+", "F0395211415E87A145BAFB4D19A8C0E4", "/8010/95211415PQ7%2FZ43/8011/12345"),
    ("sgcn-96", "3F76451FD612640000019907", "/255/952114167890904711"),
    ("sgcn+", "F839521141678909509338", "/255/952114167890904711"),
    ("itip-110", "4076451FD40C0E40820000000F54", "/8006/095211411234540102/21/981"),
    ("itip-212", f"4176451FD40C0E4082DBDD8B366{'0' * 29}", "/8006/095211411234540102/21/mw133"),
    ("itip+", "F3309521141123454010266AE27FDF35", "/8006/095211411234540102/21/rif981"),
]


def _vectors(group: str) -> list[dict[str, Any]]:
    if not _VECTORS.exists():
        pytest.skip(f"{_VECTORS.name} with the examples of GS1 is not beside the repository")
    found: list[dict[str, Any]] = json.loads(_VECTORS.read_text())[group]
    return found


def tag_of(digits: str) -> bytes:
    """Printed hex, whose last digit may be missing or padding, as a tag's bytes."""
    return bytes.fromhex(digits + "0" * (len(digits) % 2))


def written(identity: epc.Identity) -> bytes:
    """An identity, back as bits."""
    value = identity.filter_value or 0
    if identity.key:
        return PLUS_BY_NAME[identity.coding].write(identity.key, value)
    return epc.encode(identity.coding, identity.fields, value)


def test_the_examples_of_the_standard_give_their_uris() -> None:
    vectors = _vectors("tds_1_13")
    for vector in vectors:
        tag = tag_of(vector["hex"])
        identity = epc.decode(tag)
        assert identity is not None, vector["scheme"]
        assert identity.uri == epc.uri(tag) == vector["epc_uri"]
        assert identity.tag_uri == vector["tag_uri"]
        assert identity.coding == vector["scheme"]
        assert (element_string(identity.elements) or None) == vector["gs1_element_string"]
        assert written(identity).rstrip(b"\0") == tag.rstrip(b"\0")
    assert len(vectors) == 11


@pytest.mark.parametrize(("coding", "digits", "link"), _PRINTED, ids=[p[0] for p in _PRINTED])
def test_the_printed_examples_give_their_digital_links_and_come_back(
    coding: str, digits: str, link: str
) -> None:
    tag = tag_of(digits)
    identity = epc.decode(tag)
    assert identity is not None
    assert identity.coding == coding
    assert identity.digital_link() == f"https://id.gs1.org{link}"
    assert written(identity).rstrip(b"\0") == tag.rstrip(b"\0")


def test_tags_that_follow_no_scheme_have_no_uri() -> None:
    for vector in _vectors("negative"):
        assert epc.uri(bytes.fromhex(vector["hex"])) is None


@pytest.mark.parametrize(
    ("hexadecimal", "uri"),
    [
        # Worked out by hand: header, filter, partition, prefix and reference, serial.
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
    *_, scheme, text = uri.split(":")
    assert tag in epc.encodings(scheme, epc.fields_of(scheme, text))


def test_a_department_of_defense_tag_keeps_its_code_and_filter() -> None:
    tag = epc.encode("usdod", ("2S194", "12345678901"), filter_value=3)
    identity = epc.decode(tag)
    assert identity is not None
    assert identity.tag_uri == "urn:epc:tag:usdod-96:3.2S194.12345678901"
    # Header 2F, filter 3, then the code after a space in characters of 8 bits, as the standard has.
    assert tag.hex() == "2f320325331393" + "42dfdc1c35"
    assert identity.digital_link() is None


def test_a_coupon_number_keeps_its_leading_zeros() -> None:
    tag = epc.encode("sgcn", ("4012345", "67890", "0047"))
    assert epc.uri(tag) == "urn:epc:id:sgcn:4012345.67890.0047"


def test_a_document_of_113_bits_keeps_its_leading_zeros() -> None:
    tag = epc.encode("gdti-113", ("4012345", "98765", "007"), 2)
    assert len(tag) == 16
    identity = epc.decode(tag)
    assert identity is not None
    assert identity.tag_uri == "urn:epc:tag:gdti-113:2.4012345.98765.007"


def test_a_company_prefix_of_twelve_digits_leaves_an_empty_reference() -> None:
    tag = epc.encode("grai", ("614141123452", "", "7"))
    assert epc.uri(tag) == "urn:epc:id:grai:614141123452..7"


def test_the_shortest_coding_that_can_is_taken() -> None:
    for serial, coding in (("7", "sgtin-96"), ("007", "sgtin-198"), ("A7", "sgtin-198")):
        identity = epc.decode(epc.encode("sgtin", ("0614141", "812345", serial)))
        assert identity is not None
        assert (identity.coding, identity.fields[2]) == (coding, serial)


def test_an_identity_that_two_codings_can_carry_may_be_on_either() -> None:
    tags = epc.encodings("sgtin", ("0614141", "812345", "6789"))
    assert len(tags) == 16
    assert {epc.uri(tag) for tag in tags} == {"urn:epc:id:sgtin:0614141.812345.6789"}


def test_gtin_and_sscc_carry_their_check_digits() -> None:
    sgtin, sscc = epc.decode(_SGTIN), epc.decode(bytes.fromhex("3174257BF4499602D2000000"))
    assert sgtin is not None
    assert sscc is not None
    assert (sgtin.gtin, sgtin.sscc) == ("80614141123458", None)
    assert (sscc.gtin, sscc.sscc) == (None, "106141412345678908")


def test_a_plus_scheme_has_the_digital_link_as_its_uri_and_a_gtin() -> None:
    tag = tag_of("F73795211411234538566CB0AFC4")
    identity = epc.decode(tag)
    assert identity is not None
    assert epc.uri(tag) == "https://id.gs1.org/01/79521141123453/21/32a%2Fb"
    assert (identity.gtin, identity.tag_uri, identity.fields) == ("79521141123453", None, ())


def test_what_follows_a_plus_scheme_as_further_data_is_not_read() -> None:
    tag = tag_of("F73795211411234538566CB0AFC4")
    toggled = bytes([tag[0], tag[1] | 0x80]) + tag[2:] + b"\x17\x34\x5f"
    assert epc.uri(toggled) == epc.uri(tag)


def test_a_location_without_extension_has_none_in_its_digital_link() -> None:
    for tag in (
        epc.encode("sgln", ("0614141", "12345", "0")),
        PLUS_BY_NAME["sgln+"].write((("414", "0614141123452"),), 0),
    ):
        identity = epc.decode(tag)
        assert identity is not None
        assert identity.digital_link() == "https://id.gs1.org/414/0614141123452"


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
        bytes.fromhex("3074257BF7194E4000001A850000"),  # a word more than 96 bits
        bytes.fromhex("3074257BF7194E4000001A"),  # cut short
        bytes.fromhex("3F74257BF40C0E0000000000"),  # a coupon serial without its leading 1
        tag_of(f"3674257BF7194E5{'0' * 37}"),  # a serial number of no characters
        tag_of(f"3674257BF7194E58{'0' * 35}1"),  # padding that is not zero
        tag_of(f"3674257BF7194E4{'1' * 37}"),  # control characters
        tag_of("F73795211411234548566CB0AFC4"),  # a wrong check digit
        tag_of("F7379521141A234538566CB0AFC4"),  # a nibble that is no digit
        tag_of("F73795211411234530E66CB0AFC4"),  # a count beyond its value
        tag_of("F737952114112345"),  # cut short
        tag_of("FA3C"),  # neither a digit nor an end
        tag_of("FB37FFDE795211411234538566CB0AFC4"),  # a date of no kind
        b"RFID-TAG-001",
        bytes([0xF7]) * 63,
    ],
)
def test_odd_tags_are_no_identity_and_no_error(odd: bytes) -> None:
    assert epc.uri(odd) is None
    assert epc.raw_uri(odd) == f"urn:epc:raw:{8 * len(odd)}.x{odd.hex().upper()}"


@given(st.binary(max_size=70))
def test_decoding_never_raises(tag: bytes) -> None:
    epc.decode(tag)


@given(st.sampled_from([*sorted(BY_HEADER), *sorted(PLUS_BY_HEADER)]), st.binary(max_size=61))
def test_no_header_makes_decoding_raise(header: int, rest: bytes) -> None:
    epc.decode(bytes([header]) + rest)


@given(
    st.sampled_from([coding.header for coding in CODINGS if coding.name.endswith("-96")]),
    st.binary(min_size=11, max_size=11),
)
def test_what_decodes_encodes_to_the_same_bits(header: int, rest: bytes) -> None:
    tag = bytes([header]) + rest
    identity = epc.decode(tag)
    if identity is not None:
        assert written(identity) == tag


@given(st.integers(0, 6), st.data())
def test_every_identity_is_found_again(partition: int, data: st.DataObject) -> None:
    digits = st.text("0123456789", min_size=12 - partition, max_size=12 - partition)
    item = st.text("0123456789", min_size=1 + partition, max_size=1 + partition)
    serial = st.integers(0, 2**38 - 1).map(str)
    fields = (data.draw(digits), data.draw(item), data.draw(serial))
    tags = epc.encodings("sgtin", fields)
    assert len(set(tags)) == 16
    for tag in tags:
        assert epc.uri(tag) == f"urn:epc:id:sgtin:{'.'.join(fields)}"


@pytest.mark.parametrize(
    ("scheme", "fields", "words"),
    [
        ("sgtin", ("0614141", "812345"), "3 fields"),
        ("sgtin", ("06141", "812345", "1"), "6 to 12 digits"),
        ("sgtin", ("0614141", "81234", "1"), "field has 6"),
        ("sgtin-96", ("0614141", "812345", "007"), "leading zero"),
        ("sgtin-96", ("0614141", "812345", str(2**38)), "too large"),
        ("sgtin-96", ("0614141", "812345", "A1"), "not a number"),
        ("sgtin-96", ("0614141", "812345", "9" * 5000), "too large"),
        ("sgtin", ("0614141", "812345", "9" * 5000), "1 to 20"),
        ("sgtin", ("0614141", "812345", ""), "1 to 20"),
        ("sgtin", ("0614141", "812345", "ä"), "character set 82"),
        ("sgtin", ("061414١", "812345", "1"), "not a number"),
        ("giai-96", ("0614141", "9" * 19), "more than 18"),
        ("cpi", ("0614141", "abc", "1"), "capitals"),
        ("cpi", ("0614141", "A" * 25, "1"), "1 to 23"),
        ("sgcn", ("4012345", "67890", ""), "1 to 12"),
        ("gid", ("1", "2"), "3 fields"),
        ("usdod", ("2S19I", "1"), "no CAGE"),
        ("adi", ("35962", "", ""), "1 to 30"),
        ("nope", ("1",), "no EPC scheme"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_sentence(
    scheme: str, fields: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        epc.encode(scheme, fields)
    assert len(str(refusal.value)) < 250


@pytest.mark.parametrize("scheme", ["sgtin-96", "gid", "usdod", "adi"])
def test_a_filter_value_that_does_not_fit_is_refused(scheme: str) -> None:
    fields = {"sgtin-96": ("0614141", "812345", "1"), "gid": ("1", "2", "3")}
    with pytest.raises(ValueError, match="at most"):
        epc.encode(scheme, fields.get(scheme, ("35962", "1", "2")[: 2 + (scheme == "adi")]), 64)
