"""What no table knows is kept as bytes, where it stood, and written back as it came."""

from __future__ import annotations

import pytest

from gateway.llrp.codec import MESSAGE_HEADER, Message, Parameter, decode, encode
from gateway.llrp.fields import Bits


def frame(body: str, number: int = 61, lead: int = 0x0400) -> bytes:
    data = bytes.fromhex(body)
    return MESSAGE_HEADER.pack(lead | number, 10 + len(data), 1) + data


def kept(body: str, number: int = 61, lead: int = 0x0400) -> Message:
    data = frame(body, number, lead)
    message = decode(data)
    assert encode(message) == data
    return message


def test_an_unknown_message_is_kept_whole() -> None:
    message = kept("0102030405", number=500)
    assert (message.name, message.fields) == (
        "Unknown",
        {"Type": 500, "Data": b"\x01\x02\x03\x04\x05"},
    )


def test_an_unknown_parameter_is_kept_between_known_ones() -> None:
    # 4 + AntennaID 3 + the unknown 10 + PeakRSSI 2 = 19 = 0x13.
    report = kept("00F0 0013 81 0001  02BC 000A 010203040506  86 C3").children[0]
    assert report.children == [
        Parameter("AntennaID", {"AntennaID": 1}),
        Parameter("Unknown", {"Type": 700, "Data": b"\x01\x02\x03\x04\x05\x06"}),
        Parameter("PeakRSSI", {"PeakRSSI": -61}),
    ]


def test_what_follows_an_unknown_tv_is_kept_to_the_end_of_its_parent() -> None:
    message = kept("00F0 000B 81 0001 F7 11 22 33  00F0 0007 81 0002")
    first, second = message.all("TagReportData")
    assert first.children[1] == Parameter("Opaque", {"Data": b"\xf7\x11\x22\x33"})
    assert second.children == [Parameter("AntennaID", {"AntennaID": 2})]


def test_a_custom_parameter_of_an_unknown_vendor_is_kept() -> None:
    report = kept("00F0 0015 81 0001  03FF 000E 000000A1 000002C5 0102").children[0]
    assert report.children[1] == Parameter(
        "Custom",
        {"VendorIdentifier": 161, "ParameterSubtype": 709, "Data": b"\x01\x02"},
    )


def test_an_unknown_subtype_of_a_known_vendor_is_kept() -> None:
    parameter = kept("03FF 000E 0000651A 0000FFFF 0102").children[0]
    assert parameter.field("ParameterSubtype") == 0xFFFF


@pytest.mark.parametrize(
    "body",
    [
        "03FF 000D 0000651A 00000038 0F",  # a phase angle of one byte
        "03FF 000F 0000651A 00000038 0FFF 00",  # of two, and one too many
    ],
)
def test_a_known_custom_parameter_of_another_layout_is_kept(body: str) -> None:
    assert kept(body).children[0].name == "Custom"


def test_a_known_custom_message_of_another_layout_is_kept() -> None:
    message = kept("0000651A 15 0000", number=1023)
    assert (message.name, message.field("MessageSubtype")) == ("CUSTOM_MESSAGE", 21)


def test_reserved_bits_are_kept_when_they_are_not_zero() -> None:
    assert kept("80", number=3).fields == {"ResetToFactoryDefault": 1}
    assert kept("85", number=3).fields == {"ResetToFactoryDefault": 1, "Reserved": 5}
    assert kept("0000651A 15 00000001", number=1023).fields == {"Reserved": 1}


def test_reserved_bits_of_headers_are_kept_when_they_are_not_zero() -> None:
    assert kept("", number=62, lead=0xA400).fields == {"HeaderReserved": 5}
    parameter = kept("40E2 0005 80", number=3 + 58).children[0]
    assert parameter == Parameter(
        "EventsAndReports", {"HoldEventsAndReportsUponReconnect": 1, "HeaderReserved": 16}
    )


def test_the_bits_that_fill_up_an_epc_are_kept() -> None:
    assert kept("00F1 0007 0003 FF").children[0].field("EPC") == Bits(3, b"\xff")


def test_an_epc_stays_in_the_form_in_which_it_came() -> None:
    epc = "300833B2DDD9014000000001"
    assert kept(f"8D {epc}").children[0].name == "EPC_96"
    long_form = kept(f"00F1 0012 0060 {epc}").children[0]
    assert long_form == Parameter("EPCData", {"EPC": Bits(96, bytes.fromhex(epc))})


def test_children_keep_their_order_even_when_the_standard_has_another() -> None:
    report = kept("00F0 000F 88 0001  86 C3  81 0001  88 0002").children[0]
    names = [child.name for child in report.children]
    assert names == ["TagSeenCount", "PeakRSSI", "AntennaID", "TagSeenCount"]
    assert [p.field("TagCount") for p in report.all("TagSeenCount")] == [1, 2]


def test_text_that_is_not_utf8_is_kept() -> None:
    status = kept("011F 000B 0000 0003 41FF42", number=100).children[0]
    assert status.field("ErrorDescription") == "A\udcffB"


def test_a_parameter_with_a_length_and_the_number_of_a_tv_is_unknown() -> None:
    assert kept("0001 0006 0001").children[0] == Parameter("Unknown", {"Type": 1, "Data": b"\0\1"})


def test_parameters_inside_one_that_has_none_in_the_standard_are_an_extension() -> None:
    stamp = kept("0080 0018 0000000000000005  03FF 000C 000000A1 00000001").children[0]
    assert stamp.first("Custom") == Parameter(
        "Custom", {"VendorIdentifier": 161, "ParameterSubtype": 1, "Data": b""}
    )


def test_a_newer_version_is_read_as_far_as_the_tables_go() -> None:
    assert kept("", number=62, lead=0x0C00).version == 3
